/**
 * What a guided token costs, and what images cost together.
 *
 *   node bench/generate.ts [tokens|images|ids] [--rounds 5] [--tokens 8] [--ids 48]
 *
 * "tokens": llama.cpp's decode of the two sequences alone; ours, from that decode to the drawn id; and
 * the same through node-llama-cpp's public API, which gives all logits of one sequence at a time.
 * Models: the shipped one (8,192 codes), and two small layers with a vocabulary of 168,322 (16,384 codes). One thread; all ways
 * take turns in every round. CPU time is what the process used, on a shared machine the steadier figure.
 *
 * "images": the first --ids ids of 1, 2, 4 and 8 guided images of one prompt, all in one call and one call after the other, in turn.
 * Models: the shipped one (14 MB, which a processor's cache holds), and eight layers of random weights in F32 (about 120 MB,
 * which are read from memory for each step).
 *
 * "ids": how many ids of eight whole images of the shipped model are others in batches than alone.
 */
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { LlamaContext, LlamaContextSequence, Token } from "node-llama-cpp";
import { expandVocabulary, presets } from "../adapters/generation/index.ts";
import { FREE } from "../adapters/generation/kept-ids.ts";
import type { Sampling } from "../adapters/generation/sampling/sampling.ts";
import type { Batching } from "../adapters/generation/sources/image-rows.ts";
import { LlamaCppIds } from "../adapters/generation/sources/llama-cpp.ts";
import { readVisualVocabulary } from "../adapters/generation/vocabulary/metadata.ts";
import type { VisualVocabulary } from "../adapters/generation/vocabulary/visual-vocabulary.ts";
import { readGguf } from "../adapters/gguf/index.ts";
import { openLanguageModel } from "../adapters/llama-cpp/index.ts";
import { ContextInternals } from "../adapters/llama-cpp/native/node-llama-cpp.ts";
import { environment } from "../scripts/lib/environment.ts";
import type { TokenGrid } from "../sdk/index.ts";
import { guide } from "../sdk/sampling/guide.ts";
import { uniformNumbers } from "../sdk/sampling/random.ts";
import { Sampler } from "../sdk/sampling/sampler.ts";
import { writeTinyLlm } from "../test/helpers/tiny-llm.ts";
import { alternate } from "./lib/alternate.ts";
import { writeLargeVocabulary } from "./lib/large-vocabulary.ts";
import { median } from "./lib/median.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "5" },
    tokens: { type: "string", default: "8" },
    ids: { type: "string", default: "48" },
  },
});
const [rounds, tokens, idsEach] = [Number(values.rounds), Number(values.tokens), Number(values.ids)];
const wanted = (part: string) => positionals.length === 0 || positionals.includes(part);
const SCALE = 3;
/** The public API takes so long that fewer tokens tell as much. */
const PUBLIC_TOKENS = 2;

const samplings: Record<string, Sampling> = {
  "no filter": { ...presets.plain, guidanceScale: SCALE },
  "top-k 1000": { ...presets.llamagen, guidanceScale: SCALE },
  "top-k 1000, top-p 0.9": { ...presets.llamagen, guidanceScale: SCALE, topP: 0.9 },
};

/** Two sequences, one token each, `count` times; from position 0 on. */
async function decodeAlone(context: LlamaContext, token: number, count: number): Promise<void> {
  const internals = await ContextInternals.open(context);
  const sequences = [context.getSequence(), context.getSequence()];
  const sequenceIds = sequences.map((sequence) => internals.sequenceId(sequence));
  for (let i = 0; i < count; i++) {
    await internals.exclusively(async () => {
      const batch = { input: [token, token], positions: [i, i], sequenceIds, outputs: [true, true] };
      const status = await internals.llama.decodeStep(internals.address, batch);
      if (status !== 0) throw new Error(`llama_decode: ${status}`);
    });
  }
  for (const [i, sequence] of sequences.entries()) {
    internals.removeFrom(sequenceIds[i]!, 0);
    await sequence.dispose();
  }
}

async function ours(ids: LlamaCppIds, { rows, columns }: TokenGrid, sampling: Sampling, count: number): Promise<void> {
  let made = 0;
  const request = {
    images: [{ prompt: "", seed: 1, signal: undefined }],
    kept: new Int32Array(rows * columns).fill(FREE),
    sampling,
    scored: false,
    signal: undefined,
  };
  for await (const _ of ids.ids(request)) if (++made === count) break;
}

/** One sequence's logits of the visual tokens. */
async function publicLogits(
  sequence: LlamaContextSequence,
  token: number,
  { firstToken, codebookSize }: VisualVocabulary,
) {
  const options = { temperature: 1, topK: 0, topP: 1, minP: 0 };
  const [result] = await sequence.controlledEvaluate([[token as Token, { generateNext: { logits: true, options } }]]);
  const logits = result!.next.logits as unknown as Map<number, number>;
  return Float32Array.from({ length: codebookSize }, (_, id) => logits.get(firstToken + id)!);
}

async function publicApi(context: LlamaContext, vocabulary: VisualVocabulary, sampling: Sampling, count: number) {
  const sequences = [context.getSequence(), context.getSequence()] as const;
  const sampler = new Sampler(uniformNumbers(1), sampling);
  let token = vocabulary.boiToken;
  for (let i = 0; i < count; i++) {
    const [c, u] = await Promise.all(sequences.map((sequence) => publicLogits(sequence, token, vocabulary)));
    token = vocabulary.firstToken + sampler.draw(guide(c!, u!, SCALE));
  }
  for (const sequence of sequences) await sequence.dispose();
}

async function measure(name: string, file: string): Promise<void> {
  const gguf = await readGguf(file);
  const vocabulary = readVisualVocabulary(gguf);
  const llm = await openLanguageModel(file, { gpu: false, threads: 1, sequences: 2, contextSize: 1024 });
  const ids = new LlamaCppIds(llm, vocabulary, null, { imagesAtOnce: 1, batching: "exact" });
  const cpu: Record<string, number[]> = {};
  const counted = (side: string, count: number, work: (count: number) => Promise<void>) => async () => {
    const before = process.cpuUsage();
    await work(count);
    const { user, system } = process.cpuUsage(before);
    cpu[side] = [...(cpu[side] ?? []), (user + system) / 1000 / count];
  };
  const alone = "llama_decode alone";
  const sides = [
    [alone, tokens, (count: number) => decodeAlone(llm.context, vocabulary.boiToken, count)],
    ...Object.entries(samplings).map(
      ([filter, sampling]) =>
        [`ours, ${filter}`, tokens, (count: number) => ours(ids, vocabulary.grid, sampling, count)] as const,
    ),
    [
      "node-llama-cpp's public API",
      PUBLIC_TOKENS,
      (count: number) => publicApi(llm.context, vocabulary, samplings["no filter"]!, count),
    ],
  ] as const;
  const timings = await alternate(
    Object.fromEntries(sides.map(([side, count, work]) => [side, counted(side, count, work)])),
    rounds,
  );
  console.log(`\n${name}: ${vocabulary.codebookSize.toLocaleString("en")} codes\n`);
  console.log("| | ms a token | more than llama_decode | CPU ms a token | more than llama_decode |");
  console.log("| --- | --- | --- | --- | --- |");
  const perToken = (side: string, count: number) => ({
    wall: timings[side]!.ms / count,
    cpu: median(cpu[side]!.slice(1)),
  });
  const base = perToken(alone, tokens);
  for (const [side, count] of sides) {
    const own = perToken(side, count);
    const cells = [own.wall, own.wall - base.wall, own.cpu, own.cpu - base.cpu].map((ms) => ms.toFixed(2));
    console.log(`| ${side} | ${cells.join(" | ")} |`);
  }
  await llm[Symbol.asyncDispose]();
}

const COUNTS = [1, 2, 4, 8];

/** Images in one call, and one call after the other. */
async function measureImages(name: string, file: string): Promise<void> {
  const vocabulary = readVisualVocabulary(await readGguf(file));
  const { rows, columns } = vocabulary.grid;
  const most = Math.max(...COUNTS);
  const llm = await openLanguageModel(file, { gpu: false, threads: 1, sequences: 2 * most, contextSize: 512 });
  const ids = new LlamaCppIds(llm, vocabulary, null, { imagesAtOnce: most, batching: "exact" });
  const sampling = { ...presets.plain, guidanceScale: SCALE };
  const kept = new Int32Array(rows * columns).fill(FREE);
  const draw = async (seeds: readonly number[]) => {
    const images = seeds.map((seed) => ({ prompt: "a red triangle", seed, signal: undefined }));
    let made = 0;
    const request = { images, kept, sampling, scored: false, signal: undefined };
    for await (const _ of ids.ids(request)) if (++made === idsEach) break;
  };
  console.log(`\n${name}, the first ${idsEach} ids\n`);
  console.log("| images | one by one, s | together, s | times as many a second | the same by CPU time |");
  console.log("| --- | --- | --- | --- | --- |");
  for (const count of COUNTS) {
    const seeds = Array.from({ length: count }, (_, i) => i);
    const cpu: Record<"apart" | "together", number[]> = { apart: [], together: [] };
    const counted = (side: "apart" | "together", work: () => Promise<void>) => async () => {
      const before = process.cpuUsage();
      await work();
      const { user, system } = process.cpuUsage(before);
      cpu[side].push(user + system);
    };
    const sides = {
      together: counted("together", () => draw(seeds)),
      apart: counted("apart", async () => {
        for (const seed of seeds) await draw([seed]);
      }),
    };
    const { together, apart } = await alternate(sides, rounds);
    // The first call of each is not measured.
    const byCpu = median(cpu.apart.slice(1).map((time, round) => time / cpu.together[round + 1]!));
    const times = [apart.ms, together.ms].map((ms) => (ms / 1000).toFixed(2));
    console.log(`| ${[count, ...times, `${apart.ratio.toFixed(2)}x`, `${byCpu.toFixed(2)}x`].join(" | ")} |`);
  }
  await llm[Symbol.asyncDispose]();
}

/** Ids that are others in batches of 2, 4 and 8 images than alone, where steps are batches in any case, and where they are exact. */
async function measureIds(file: string): Promise<void> {
  const vocabulary = readVisualVocabulary(await readGguf(file));
  const { rows, columns } = vocabulary.grid;
  const most = Math.max(...COUNTS);
  const llm = await openLanguageModel(file, { gpu: false, threads: 1, sequences: 2 * most, contextSize: 512 });
  const kept = new Int32Array(rows * columns).fill(FREE);
  /** [most] images, `atOnce` in a batch. */
  const draw = async (batching: Batching, atOnce: number, sampling: Sampling): Promise<number[][]> => {
    const ids = new LlamaCppIds(llm, vocabulary, null, { imagesAtOnce: atOnce, batching });
    const made = Array.from({ length: most }, (): number[] => []);
    for (let first = 0; first < most; first += atOnce) {
      const images = Array.from({ length: atOnce }, (_, i) => ({ prompt, seed: first + i, signal: undefined }));
      for await (const step of ids.ids({ images, kept, sampling, scored: false, signal: undefined })) {
        for (const one of step) if ("id" in one) made[first + one.image]!.push(one.id);
      }
    }
    return made;
  };
  const prompt = "a red triangle";
  console.log(`\nIds that are others than alone, of ${most} images of ${kept.length} ids\n`);
  console.log("| | always: 2 | 4 | 8 | exact: 2 | 4 | 8 |");
  console.log("| --- | --- | --- | --- | --- | --- | --- |");
  for (const guidanceScale of [1, SCALE]) {
    const sampling = { ...presets.plain, guidanceScale };
    const alone = await draw("exact", 1, sampling);
    const cells: string[] = [];
    for (const batching of ["always", "exact"] as const) {
      for (const atOnce of COUNTS.slice(1)) {
        const made = await draw(batching, atOnce, sampling);
        const others = made.map((own, i) => own.filter((id, at) => id !== alone[i]![at]).length);
        const differing = others.filter((count) => count > 0).length;
        cells.push(`${others.reduce((sum, count) => sum + count, 0)} (in ${differing})`);
      }
    }
    console.log(`| guidance ${guidanceScale} | ${cells.join(" | ")} |`);
  }
  await llm[Symbol.asyncDispose]();
}

/** Eight layers of random weights with the visual tokens of the shipped model's codebook. */
async function writeWide(path: string): Promise<void> {
  const plain = await writeTinyLlm(`${path}.plain`, "qwen3", { width: 640, layers: 8 });
  await expandVocabulary(plain.path, path, { codebookSize: 8192, grid: { rows: 14, columns: 14 } });
}

const folder = await mkdtemp(join(tmpdir(), "vqrae-bench-"));
try {
  console.log(await environment("node-llama-cpp", "koffi"));
  const shipped = fileURLToPath(new URL("../models/vqrae-tiny-generator/llm.gguf", import.meta.url));
  if (wanted("tokens")) {
    await measure("models/vqrae-tiny-generator", shipped);
    const large = join(folder, "large.gguf");
    await writeLargeVocabulary(large);
    await measure("A vocabulary of 168,322", large);
  }
  if (wanted("images")) {
    await measureImages("models/vqrae-tiny-generator", shipped);
    const wide = join(folder, "wide.gguf");
    await writeWide(wide);
    await measureImages(`Random weights, ${Math.round((await stat(wide)).size / 1e6)} MB`, wide);
  }
  if (wanted("ids")) await measureIds(shipped);
} finally {
  await rm(folder, { recursive: true, force: true });
}
