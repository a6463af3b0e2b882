/**
 * Prints the figures of the shipped VLM's card, measured through `loadVlm` on the shipped files:
 *
 *   node scripts/evaluate-vlm.ts --easy-vqa easy_vqa/data/test --nlvr nlvr --held docs/data/vqrae-tiny-vlm/nlvr-held.json \
 *     [--limit 1000] [--orders 1]
 *
 * --limit: so many of easy-VQA's questions, evenly over all. --orders: how many of the six pictures of an NLVR example.
 * Questions and judges are those of `vqrae bench`; intervals are the bootstrap's, 95 %.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  type Benchmark,
  benchmarks,
  groupBy,
  groupInOrder,
  type Judged,
  openQuestions,
  type Question,
} from "../adapters/benchmarks/index.ts";
import { confidenceIntervals } from "../adapters/benchmarks/statistics/bootstrap.ts";
import { loadVlm } from "../adapters/llama-cpp/index.ts";
import { environment } from "./lib/environment.ts";

const { values } = parseArgs({
  options: {
    "easy-vqa": { type: "string" },
    nlvr: { type: "string" },
    held: { type: "string" },
    limit: { type: "string" },
    orders: { type: "string", default: "1" },
  },
});
// One thread: threads that wait for one another are slow on a machine that does other work too.
const vlm = await loadVlm("default", { gpu: false, contextSize: 1024, threads: 1 });
console.log(`${await environment()}\n`);
console.log("| questions | right | 95 % | the commonest answer alone |\n|---|---|---|---|");

if (values["easy-vqa"]) {
  const all = await read(benchmark("easy-vqa"), values["easy-vqa"]);
  const wanted = Math.min(values.limit ? Number(values.limit) : all.length, all.length);
  await measure(benchmark("easy-vqa"), evenly(all, wanted));
}
if (values.nlvr) {
  if (!values.held) throw new Error("Expected --held, the names of the held examples, beside --nlvr.");
  const held = new Set<string>(JSON.parse(await readFile(values.held, "utf8")));
  const orders = Number(values.orders);
  const parts = await Promise.all(
    ["dev", "hidden"].map((part) => read(benchmark("nlvr"), join(values.nlvr!, part, `${part}.json`))),
  );
  const asked = parts.flat().filter(({ id, group }) => held.has(group!) && Number(id.at(-1)) < orders);
  await measure(benchmark("nlvr"), asked);
}
await vlm.dispose();

function benchmark(name: string): Benchmark {
  return benchmarks.find((known) => known.name === name)!;
}

async function read(of: Benchmark, path: string): Promise<Question[]> {
  const { questions } = await openQuestions(of, { path });
  const all: Question[] = [];
  for await (const question of questions()) all.push(question);
  return all;
}

function evenly<T>(all: readonly T[], count: number): T[] {
  return Array.from({ length: count }, (_, i) => all[Math.floor((i * all.length) / count)]!);
}

/** Asks every question; prints the benchmark's figures, the intervals, and what the commonest answer alone would score. */
async function measure({ title, profiles }: Benchmark, questions: readonly Question[]): Promise<void> {
  const { official } = profiles;
  if (!official) throw new Error(`Expected a profile "official" of ${title}.`);
  const judged: Judged[] = [];
  for (const question of questions) {
    const { id, answers, categories, images } = question;
    const prompt = String(official.prompt(question));
    const answer = await vlm.ask(await images[0]!.bytes(), prompt, { maxTokens: official.maxTokens });
    judged.push({ id, answers, categories, ...official.judge(question, answer) });
  }
  const groupOf = new Map(questions.map(({ id, group = id }) => [id, group]));
  const all = [...groupInOrder(judged, ({ id }) => groupOf.get(id)).values()];
  const intervals = confidenceIntervals(all, official.score);
  const counts = [...groupBy(questions, ({ answers }) => answers[0]).values()].map((of) => of.length);
  const commonest = (100 * Math.max(...counts)) / questions.length;
  for (const [name, value] of Object.entries(official.score(all))) {
    const interval = intervals[name]!.map((end) => end.toFixed(1)).join(" to ");
    const blind = name === "accuracy" ? `${commonest.toFixed(1)} %` : "";
    console.log(`| ${title}, ${name} (${questions.length}) | ${value.toFixed(1)} % | ${interval} | ${blind} |`);
  }
}
