/**
 * Asks tiny vision language models of the most used families one question about a square of native size and about a photo: in
 * process, in llama-server and in llama-mtmd-cli. Prints the table of docs/ask-your-own-vlm.md: how many of transformers' 24 greedy
 * tokens each gives.
 *
 *   LLAMA_CPP=<a clone of llama.cpp> python scripts/vlm-equality/make_models.py models
 *   node scripts/vlm-equality/run.ts models --bin llama.cpp/build/bin [family...]
 *
 * Attention is exact everywhere (no flash attention), and llama.cpp's own programs keep their cache in F32.
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import { parseArgs, promisify } from "node:util";
import type { Token } from "node-llama-cpp";
import { LlamaServer } from "../../adapters/llama-cpp/carrier/index.ts";
import { loadVlm, type Vlm } from "../../adapters/llama-cpp/index.ts";
import { VqraeError } from "../../sdk/index.ts";
import { environment } from "../lib/environment.ts";

interface Case {
  readonly ids: readonly number[];
  readonly greedy: readonly number[];
  readonly top: readonly (readonly [token: number, logarithm: number])[];
}
interface Expected {
  readonly imageToken: number;
  readonly question: string;
  readonly cases: Readonly<Record<"native" | "photo", Case>>;
}
type Key = keyof Expected["cases"];

/** What one runtime gave for one picture. */
interface Given {
  readonly equal: number;
  /** The largest difference of the five likeliest first tokens' log probabilities. */
  readonly off: number;
}

const { values, positionals } = parseArgs({ options: { bin: { type: "string" } }, allowPositionals: true });
const [folder = ".", ...only] = positionals;
const bin = values.bin === undefined ? undefined : resolve(values.bin);
const KEYS = ["native", "photo"] as const;
const FIRST_PLACE = 2 ** 30;
const EXACT = ["-fa", "off", "-ctk", "f32", "-ctv", "f32"];

const equalOf = (expected: readonly number[], given: readonly number[]): number => {
  const first = expected.findIndex((token, i) => token !== given[i]);
  return first === -1 ? expected.length : first;
};

const offOf = (top: Case["top"], given: ReadonlyMap<number, number>): number =>
  Math.max(...top.map(([token, logarithm]) => Math.abs(logarithm - (given.get(token) ?? Number.NEGATIVE_INFINITY))));

/** As people have them: two GGUF files, or where the mmproj is not read yet the folder beside the language model. */
async function open(place: string): Promise<{ vlm: Vlm; from: string }> {
  const llm = join(place, "llm.gguf");
  const options = { gpu: false, flashAttention: false, threads: 1, contextSize: 8192, device: "cpu" } as const;
  const cacheDir = join(place, "cache");
  const mmproj = join(place, "mmproj.gguf");
  if (existsSync(mmproj)) {
    try {
      return { vlm: await loadVlm(llm, { ...options, cacheDir, mmproj }), from: "two GGUF files" };
    } catch (error) {
      if (!VqraeError.isInstance(error)) throw error;
      console.error(error.message);
    }
  }
  const hf = join(place, "hf");
  return { vlm: await loadVlm(llm, { ...options, cacheDir, encoder: hf, projector: hf }), from: "folder and GGUF" };
}

async function inProcess(vlm: Vlm, image: string, { imageToken, question }: Expected, { ids, greedy, top }: Case) {
  const { ids: own } = await vlm.buildPrompt([{ role: "user", content: [{ image }, question] }]);
  const samePrompt =
    equalOf(
      ids,
      own.map((id) => (id === -1 ? imageToken : id)),
    ) === ids.length && own.length === ids.length;
  const sequence = vlm.context.getSequence();
  try {
    const places = runs(vlm.model.tokenize(await vlm.vision.image(image), true), (token) => token >= FIRST_PLACE);
    const tokens = own.flatMap((id, i): Token[] => {
      if (id !== -1) return [id as Token];
      return own[i - 1] === -1 ? [] : (places.shift() ?? []);
    });
    const given: number[] = [];
    let off = Number.NaN;
    const [last] = tokens.splice(-1);
    if (last === undefined) throw new Error("an empty prompt");
    await sequence.evaluateWithoutGeneratingNewTokens(tokens);
    const [next] = await sequence.controlledEvaluate([
      [last, { generateNext: { probabilities: true, token: true, options: { temperature: 0 } } }],
    ]);
    const chances = next?.next.probabilities;
    if (chances !== undefined)
      off = offOf(top, new Map([...chances].map(([token, chance]) => [token, Math.log(chance)])));
    const first = next?.next.token;
    if (first !== undefined && first !== null) {
      given.push(first);
      for await (const token of sequence.evaluate([first], { temperature: 0, yieldEogToken: true })) {
        if (given.push(token) === greedy.length) break;
      }
    }
    return { samePrompt, given: { equal: equalOf(greedy, given), off } };
  } finally {
    await sequence.dispose();
  }
}

/** The runs of what holds, in order. */
function runs(tokens: readonly Token[], holds: (token: Token) => boolean): Token[][] {
  const found: Token[][] = [];
  for (const [i, token] of tokens.entries()) {
    if (!holds(token)) continue;
    const before = tokens[i - 1];
    if (before === undefined || !holds(before)) found.push([]);
    found.at(-1)?.push(token);
  }
  return found;
}

interface ServerGiven extends Given {
  readonly prompt: string;
  readonly text: string;
  readonly tokens: number;
}

/** null where the server does not load the files. */
async function inServer(place: string, expected: Expected): Promise<Record<Key, ServerGiven> | null> {
  const port = 20_000 + Math.floor(Math.random() * 20_000);
  const files = ["-m", join(place, "llm.gguf"), "--mmproj", join(place, "mmproj.gguf")];
  const more = [
    "-c",
    "8192",
    "-np",
    "1",
    "-t",
    "2",
    "--no-warmup",
    "--port",
    String(port),
    "--no-mmproj-offload",
    "-ngl",
    "0",
  ];
  const child = spawn(join(bin ?? "", "llama-server"), [...files, ...more, ...EXACT], { stdio: "ignore" });
  try {
    const url = `http://127.0.0.1:${port}`;
    for (let i = 0; i < 600 && child.exitCode === null; i++) {
      const { ok } = await fetch(`${url}/health`).catch(() => ({ ok: false }));
      if (ok) break;
      await setTimeout(100);
    }
    if (child.exitCode !== null) return null;
    let [sent, received] = ["", "{}"];
    const server = await LlamaServer.connect(url, {
      fetch: async (input, init) => {
        const response = await fetch(input, init);
        if (String(input).endsWith("/completion")) {
          sent = String(init?.body);
          received = await response.clone().text();
        }
        return response;
      },
    });
    const ask = async (key: Key): Promise<ServerGiven> => {
      const { greedy, top } = expected.cases[key];
      const content = [{ image: join(place, `${key}.png`) }, expected.question];
      const options = { maxTokens: greedy.length, temperature: 0, extra: { ignore_eos: true, n_probs: 20 } };
      const { tokens, text, promptTokens } = await server.chat([{ role: "user", content }], options);
      const likeliest: { id: number; logprob: number }[] =
        JSON.parse(received).completion_probabilities[0].top_logprobs;
      const off = offOf(top, new Map(likeliest.map(({ id, logprob }) => [id, logprob])));
      const prompt = JSON.parse(sent).prompt.prompt_string.replaceAll(server.info.mediaMarker, "<__media__>");
      return { equal: equalOf(greedy, tokens), off, prompt, text, tokens: promptTokens };
    };
    return { native: await ask("native"), photo: await ask("photo") };
  } finally {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "close");
  }
}

/** Whether llama-mtmd-cli says what the server says, to the prompt that it was sent. */
async function inCli(place: string, key: Key, { prompt, text }: ServerGiven): Promise<boolean> {
  const files = [
    "-m",
    join(place, "llm.gguf"),
    "--mmproj",
    join(place, "mmproj.gguf"),
    "--image",
    join(place, `${key}.png`),
  ];
  const asIs = [
    "--jinja",
    "--chat-template",
    "{% for m in messages %}{{ m.content }}{% endfor %}",
    "--no-escape",
    "-p",
    prompt,
  ];
  const more = ["-n", "24", "--temp", "0", "--ignore-eos", "-t", "2", "-c", "8192", "--no-warmup", "-ngl", "0"];
  const run = promisify(execFile);
  const { stdout } = await run(join(bin ?? "", "llama-mtmd-cli"), [...files, ...asIs, ...more, ...EXACT], {
    timeout: 120_000,
  });
  const plain = (said: string) => said.replaceAll(/[\0\uFFFD\s]+/g, "");
  return plain(stdout).includes(plain(text)) || plain(text).includes(plain(stdout));
}

const shown = (given: Readonly<Record<Key, Given>>) =>
  KEYS.map((key) => `${given[key].equal} (${difference(given[key].off)})`).join(" / ");

/** Infinite where one of the five is not among the server's 20 likeliest. */
const difference = (off: number): string => (off === Number.POSITIVE_INFINITY ? "another" : off.toExponential(0));

const rows: string[] = [];
for (const family of only.length > 0 ? only : (await readdir(folder)).sort()) {
  const place = resolve(folder, family);
  const expected: Expected = JSON.parse(await readFile(join(place, "expected.json"), "utf8"));
  const { vlm, from } = await open(place);
  const asked = {
    native: await inProcess(vlm, join(place, "native.png"), expected, expected.cases.native),
    photo: await inProcess(vlm, join(place, "photo.png"), expected, expected.cases.photo),
  };
  await vlm.dispose();
  const prompts = KEYS.map((key) => (asked[key].samePrompt ? "equal" : "differs")).join(" / ");
  const row = [family, from, prompts, shown({ native: asked.native.given, photo: asked.photo.given })];
  if (bin !== undefined && existsSync(join(place, "mmproj.gguf"))) {
    const served = await inServer(place, expected);
    if (served === null) row.push("does not load", "", "");
    else {
      const counts = KEYS.map((key) => served[key].tokens - expected.cases[key].ids.length);
      row.push(shown(served), counts.map((count) => (count > 0 ? `+${count}` : `${count}`)).join(" / "));
      const said = [await inCli(place, "native", served.native), await inCli(place, "photo", served.photo)];
      row.push(said.map((same) => (same ? "as the server" : "otherwise")).join(" / "));
    }
  } else row.push("", "", "");
  rows.push(`| ${row.join(" | ")} |`);
  console.error(rows.at(-1));
}
console.log(`\n${await environment("onnxruntime-node", "node-llama-cpp")}\n
| family | from | prompt's ids | in process | llama-server, own mmproj | its prompt is longer by | llama-mtmd-cli |
| ------ | ---- | ------------ | ---------- | ------------------------ | ----------------------- | -------------- |
${rows.join("\n")}`);
