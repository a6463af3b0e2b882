/**
 * What an image costs a language model: prints the tables of docs/ask-your-own-vlm.md.
 *
 *   node bench/ask.ts [--llm model.gguf --projector folder --encoder folder] [--rounds 15] [--threads 1] [photo]
 *   node bench/ask.ts --random-llm 12x768   # the first table for a larger model too: layers x width
 *
 * Sides run in turn; a ratio is the median of the rounds' ratios to a table's first side. The language model runs on the CPU.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { LlamaContext, Token } from "node-llama-cpp";
import { carrierFor, LlamaServer, writeCarrier } from "../adapters/llama-cpp/carrier/index.ts";
import { loadVlm } from "../adapters/llama-cpp/index.ts";
import { environment } from "../scripts/lib/environment.ts";
import { encodePng, readImage } from "../sdk/index.ts";
import { startLlamaServer } from "../test/helpers/llama-server/start.ts";
import { alternate, type Timing } from "./lib/alternate.ts";
import { openRandomLlm } from "./lib/random-llm.ts";

const { values, positionals } = parseArgs({
  options: {
    llm: { type: "string" },
    projector: { type: "string" },
    encoder: { type: "string", default: "deit-tiny" },
    rounds: { type: "string", default: "15" },
    threads: { type: "string" },
    "random-llm": { type: "string" },
  },
  allowPositionals: true,
});
const [photo = fileURLToPath(new URL("../examples/images/cat.jpg", import.meta.url))] = positionals;
const rounds = Number(values.rounds);
const shipped = fileURLToPath(new URL("../models/vqrae-tiny-vlm", import.meta.url));
const llm = values.llm ?? join(shipped, "llm.gguf");
const parts = { encoder: values.encoder, projector: values.projector ?? shipped };
const question = "what is in the image?";

const threads = values.threads ? { threads: Number(values.threads) } : {};
const vlm = await loadVlm(llm, { ...parts, gpu: false, sequences: 2, ...threads });
const { context, model, vision, tokenizer } = vlm;
console.log(`${await environment()}; ${context.idealThreads} threads; ${model.filename}; ${rounds} rounds\n`);

function table(head: readonly string[], timings: Record<string, Timing>): void {
  const rows = Object.entries(timings).map(([name, { ms, ratio }]) => [
    name,
    `${ms.toFixed(1)} ms`,
    `${ratio.toFixed(2)}x`,
  ]);
  console.log([head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n"), "\n");
}

/** An image's embeddings, `placed` in a text, against as many tokens of text. */
async function tableOfImage(context: LlamaContext, placed: string): Promise<void> {
  const image = context.model.tokenize(placed, false);
  const text = Array.from({ length: image.length }, (_, i) => (i * 7 + 20) % 250) as Token[];
  const sequence = context.getSequence();
  const decode = (tokens: Token[]) => async () => {
    await sequence.clearHistory();
    await sequence.evaluateWithoutGeneratingNewTokens(tokens);
  };
  console.log(`Decoding ${image.length} tokens into an empty context:\n`);
  table(["", "time", "ratio"], await alternate({ "tokens of text": decode(text), "an image": decode(image) }, rounds));
  await sequence.dispose();
}
await tableOfImage(context, await vision.image(photo));
if (values["random-llm"]) {
  const [layers, width] = values["random-llm"].split("x").map(Number) as [number, number];
  const random = await openRandomLlm({ layers, width, rows: 98, ...threads });
  console.log(`The same for a language model of random weights in F32, ${layers} layers of width ${width}:\n`);
  await tableOfImage(random.context, random.placed);
  await random[Symbol.asyncDispose]();
}

/** Until the first token of an answer; a conversation that goes on keeps the image in its KV cache. */
async function firstToken(prompt: string, session: Awaited<ReturnType<typeof vlm.createSession>>): Promise<void> {
  await session.prompt(prompt, { maxTokens: 1, temperature: 0 });
}
async function anew(place: () => Promise<string>): Promise<void> {
  const session = await vlm.createSession();
  const { sequence } = session;
  await firstToken(`${await place()}${question}`, session);
  session.dispose();
  await sequence.dispose();
}
const folder = await mkdtemp(join(tmpdir(), "vqrae-bench-ask-"));
const pixels = await readImage(photo);
let made = 0;
/** The photo as a file that was never seen: one pixel is another. */
async function unseen(): Promise<string> {
  const data = new Uint8Array(pixels.data);
  data.set([made & 255, (made >> 8) & 255, 7], 0);
  const file = join(folder, `${made++}.png`);
  await writeFile(file, await encodePng({ ...pixels, data }));
  return file;
}
const files = await Promise.all(Array.from({ length: rounds + 1 }, unseen));
const kept = await vlm.createSession();
const placed = await vision.image(photo);
await firstToken(`${placed}${question}`, kept);
console.log("Until the first token of an answer:\n");
table(
  ["", "time", "ratio"],
  await alternate(
    {
      "an image never seen": () => anew(() => vision.image(files.pop()!)),
      "an image seen before": () => anew(() => vision.image(photo)),
      "an image earlier in the conversation": () => firstToken(question, kept),
      "no image": () => anew(async () => ""),
    },
    rounds,
  ),
);

// In process against the pixel carrier: one and the same prompt, image and answer.
const serverKind = process.env.VQRAE_LLAMA_SERVER ? "llama-server" : "llama-server's stand-in of the tests";
const mmproj = join(folder, "mmproj.gguf");
await writeCarrier(mmproj, await carrierFor(llm));
const running = await startLlamaServer(llm, mmproj);
const server = await LlamaServer.connect(running.url);
const embedded = await tokenizer.embed(photo);
console.log(`One answer of 8 tokens about an image whose embeddings are kept; ${serverKind}:\n`);
table(
  ["", "time", "ratio"],
  await alternate(
    {
      "in process": () => vlm.ask(photo, question, { maxTokens: 8 }),
      "through the pixel carrier": () =>
        server.chat([{ role: "user", content: [embedded, question] }], {
          maxTokens: 8,
          temperature: 0,
          cachePrompt: false,
        }),
    },
    rounds,
  ),
);
await running[Symbol.asyncDispose]();
await vlm.dispose();
await rm(folder, { recursive: true, force: true });
