/**
 * An hour's load in one process, and how much its memory grows. Prints the table of docs/security.md:
 *
 *   node bench/soak.ts               # 10,000 encodes, 5,000 asks, 500 aborted generations, 200 loads, 10 minutes of all at once
 *   node bench/soak.ts --scale 0.1   # a tenth of each
 *   node bench/soak.ts --seconds 240 # each part for so long at most: the table says how far it came
 *   node bench/soak.ts --only "VLM loads"
 *   node bench/soak.ts --trim        # glibc gives back what is free before each look: what is left is the program's own
 *
 * The first fifth of each part warms up: allocators, caches and threads take what they keep. Growth is from there to the end, of the
 * medians of what was measured in the second and in the last fifth.
 */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { loadGenerator } from "../adapters/generation/index.ts";
import { loadVlm } from "../adapters/llama-cpp/index.ts";
import { returnFreedMemory } from "../adapters/llama-cpp/native/freed-memory.ts";
import { createEndpoint, listen } from "../adapters/openai/index.ts";
import { environment } from "../scripts/lib/environment.ts";
import { VQRAE } from "../sdk/index.ts";
import { openCounts } from "../test/helpers/open-counts.ts";
import { collectGarbage, growthOf, type MemoryUse, memoryUse } from "./lib/memory.ts";

const { values } = parseArgs({
  options: {
    scale: { type: "string", default: "1" },
    seconds: { type: "string", default: "Infinity" },
    only: { type: "string" },
    trim: { type: "boolean", default: false },
  },
});
const scale = Number(values.scale);
const MINUTE = 60_000;
const mostMs = 1000 * Number(values.seconds);
const GOAL = 0.02;
const SAMPLES = 50;

const photo = fileURLToPath(new URL("../examples/images/cat.jpg", import.meta.url));
const bytes = await readFile(photo);
const picture = `data:image/jpeg;base64,${bytes.toString("base64")}`;
const llamaOptions = { gpu: false, threads: 1 } as const;

interface Part {
  readonly name: string;
  readonly count: number;
  /** What is open as long as the part goes on. */
  open(): Promise<{ once(i: number): Promise<unknown>; dispose(): Promise<void> }>;
}

const parts: readonly Part[] = [
  {
    name: "encodes",
    count: 10_000,
    async open() {
      const tokenizer = await VQRAE.load("default");
      return { once: () => tokenizer.encode(bytes), dispose: () => tokenizer.dispose() };
    },
  },
  {
    name: "asks",
    count: 5000,
    async open() {
      const vlm = await loadVlm("default", llamaOptions);
      const once = (i: number) => vlm.ask(bytes, `what is in image ${i}?`, { maxTokens: 4 });
      return { once, dispose: () => vlm.dispose() };
    },
  },
  {
    name: "aborted generations",
    count: 500,
    async open() {
      const generator = await loadGenerator("default", llamaOptions);
      const once = (i: number) =>
        generator
          .generateImages("a red circle", { seed: i, signal: AbortSignal.timeout(50 + (i % 10) * 20) })
          .catch(() => {});
      return { once, dispose: () => generator.dispose() };
    },
  },
  {
    name: "tokenizer loads",
    count: 200,
    async open() {
      const once = async () => {
        const tokenizer = await VQRAE.load("default");
        await tokenizer.encode(bytes);
        await tokenizer.dispose();
      };
      return { once, dispose: async () => {} };
    },
  },
  {
    name: "VLM loads",
    count: 200,
    async open() {
      const once = async () => {
        const vlm = await loadVlm("default", llamaOptions);
        await vlm.ask(bytes, "what is it?", { maxTokens: 2 });
        await vlm.dispose();
      };
      return { once, dispose: async () => {} };
    },
  },
  {
    name: "generator loads",
    count: 200,
    async open() {
      const once = async () => {
        const generator = await loadGenerator("default", llamaOptions);
        await generator.dispose();
      };
      return { once, dispose: async () => {} };
    },
  },
  {
    name: "mixed requests",
    count: Number.POSITIVE_INFINITY,
    async open() {
      const vlm = await loadVlm("default", { ...llamaOptions, sequences: 2 });
      const generator = await loadGenerator("default", llamaOptions);
      const tokenizer = await VQRAE.load("default");
      const endpoint = await createEndpoint({
        languageModels: [vlm],
        imageModels: [generator],
        tokenizers: [tokenizer],
        parallel: 2,
      });
      const server = await listen(endpoint, { port: 0 });
      const { ids } = await tokenizer.encode(bytes, { ids: true });
      const post = async (path: string, body: object, leaveAfterMs?: number) => {
        const signal = leaveAfterMs === undefined ? AbortSignal.timeout(MINUTE) : AbortSignal.timeout(leaveAfterMs);
        const headers = { "content-type": "application/json" };
        try {
          const response = await fetch(`${server.url}${path}`, {
            method: "POST",
            headers,
            body: JSON.stringify(body),
            signal,
          });
          await response.text();
        } catch (error) {
          if (leaveAfterMs === undefined) throw error;
        }
      };
      const says = (i: number) => [
        {
          role: "user",
          content: [
            { type: "image_url", image_url: { url: picture } },
            { type: "text", text: `what is ${i}?` },
          ],
        },
      ];
      const model = vlm.modelId;
      const schema = { type: "object", properties: { a: { type: "boolean" } }, required: ["a"] };
      const kinds = [
        (i: number) => post("/v1/chat/completions", { model, max_tokens: 4, messages: says(i) }),
        (i: number) => post("/v1/chat/completions", { model, max_tokens: 64, stream: true, messages: says(i) }, 100),
        () => post("/v1/vision/tokens", { image: picture, features: true }),
        () => post("/v1/vision/decode", { ids: [...ids] }),
        (i: number) => post("/v1/images/generations", { prompt: "a red circle", seed: i }, 150),
        () => post("/v1/chat/completions", { model, messages: "none" }),
        (i: number) =>
          post("/v1/chat/completions", {
            model,
            max_tokens: 12,
            messages: [{ role: "user", content: "yes?" }],
            response_format: { type: "json_schema", json_schema: { name: "x", schema: { ...schema, title: `${i}` } } },
          }),
      ];
      return {
        // Two of each kind at a time.
        once: async (i: number) => {
          await Promise.all([...kinds, ...kinds].map((kind, k) => kind(i * kinds.length + k)));
        },
        async dispose() {
          await server.close();
          await generator.dispose();
          await tokenizer.dispose();
          await vlm.dispose();
        },
      };
    },
  },
];

async function memory(): Promise<MemoryUse> {
  collectGarbage();
  await new Promise(setImmediate);
  collectGarbage();
  if (values.trim) await returnFreedMemory();
  return memoryUse();
}

const rows: string[] = [];
const own = async () => JSON.stringify(await openCounts());
for (const { name, count, open } of parts) {
  if (values.only !== undefined && !name.startsWith(values.only)) continue;
  const { resident: before } = await memory();
  const { once, dispose } = await open();
  const most = Math.max(5, Math.round(count * scale));
  const partMs = Math.min(mostMs, Number.isFinite(count) ? Number.POSITIVE_INFINITY : 10 * MINUTE * scale);
  const end = Date.now() + partMs;
  const everyMs = partMs / SAMPLES;
  const everyCount = Math.max(1, Math.floor(most / SAMPLES));
  const seen: MemoryUse[] = [];
  let [done, last] = [0, Date.now()];
  let first = "";
  for (; done < most && Date.now() < end; done++) {
    await once(done);
    if (Number.isFinite(count) ? done % everyCount !== 0 : Date.now() < last + everyMs) continue;
    last = Date.now();
    seen.push(await memory());
    if (seen.length === 2) first = await own();
  }
  const openAtEnd = await own();
  const { warm, late, growth } = growthOf(seen.map(({ resident }) => resident));
  await dispose();
  const { resident: after } = await memory();
  const percent = `${(growth * 100).toFixed(1)} %${growth > GOAL ? " (!)" : ""}`;
  const cells = [
    name,
    done,
    ...[before, warm, late].map((mb) => `${mb.toFixed(0)} MB`),
    percent,
    `${after.toFixed(0)} MB`,
  ];
  rows.push(`| ${cells.join(" | ")} |`);
  console.error(rows.at(-1), `open: ${first} -> ${openAtEnd}`);
  for (const field of Object.keys(seen[0] ?? {}) as (keyof MemoryUse)[]) {
    console.error(`${field}: ${seen.map((use) => use[field].toFixed(0)).join(" ")}`);
  }
}
console.log(`${await environment("onnxruntime-node", "node-llama-cpp", "sharp")}; scale ${scale}\n`);
console.log(
  "| part | done | before | warm | at the end | growth | after dispose |\n| --- | --- | --- | --- | --- | --- | --- |",
);
console.log(rows.join("\n"));
