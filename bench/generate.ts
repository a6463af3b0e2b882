/**
 * What a guided token costs: llama.cpp's decode of the two sequences alone; ours, from that decode to the drawn id; and
 * the same through node-llama-cpp's public API, which gives all logits of one sequence at a time:
 *
 *   node bench/generate.ts [--rounds 5] [--tokens 8]
 *
 * Models: the shipped one (8,192 codes), and two small layers with a vocabulary of 168,322 (16,384 codes). One thread; all ways
 * take turns in every round. CPU time is what the process used, on a shared machine the steadier figure.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { LlamaContext, LlamaContextSequence, Token } from "node-llama-cpp";
import { presets } from "../adapters/generation/index.ts";
import { FREE } from "../adapters/generation/kept-ids.ts";
import { guide } from "../adapters/generation/sampling/guide.ts";
import { Sampler } from "../adapters/generation/sampling/sampler.ts";
import type { Sampling } from "../adapters/generation/sampling/sampling.ts";
import { LlamaCppIds } from "../adapters/generation/sources/llama-cpp.ts";
import { readVisualVocabulary } from "../adapters/generation/vocabulary/metadata.ts";
import type { VisualVocabulary } from "../adapters/generation/vocabulary/visual-vocabulary.ts";
import { readGguf } from "../adapters/gguf/index.ts";
import { openLanguageModel } from "../adapters/llama-cpp/index.ts";
import { ContextInternals } from "../adapters/llama-cpp/native/node-llama-cpp.ts";
import { environment } from "../scripts/lib/environment.ts";
import type { TokenGrid } from "../sdk/index.ts";
import { alternate } from "./lib/alternate.ts";
import { writeLargeVocabulary } from "./lib/large-vocabulary.ts";
import { median } from "./lib/median.ts";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "5" }, tokens: { type: "string", default: "8" } },
});
const [rounds, tokens] = [Number(values.rounds), Number(values.tokens)];
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
    prompt: "",
    seeds: [1],
    kept: new Int32Array(rows * columns).fill(FREE),
    sampling,
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
  const sampler = new Sampler(1, sampling);
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
  const ids = new LlamaCppIds(llm, vocabulary, null, 1);
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

const folder = await mkdtemp(join(tmpdir(), "vqrae-bench-"));
try {
  console.log(await environment("node-llama-cpp", "koffi"));
  await measure(
    "models/vqrae-tiny-generator",
    fileURLToPath(new URL("../models/vqrae-tiny-generator/llm.gguf", import.meta.url)),
  );
  const large = join(folder, "large.gguf");
  await writeLargeVocabulary(large);
  await measure("A vocabulary of 168,322", large);
} finally {
  await rm(folder, { recursive: true, force: true });
}
