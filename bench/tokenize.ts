/**
 * A tar of photos to a parquet file of ids, against the encoder alone and against a Python loop:
 *
 *   node bench/tokenize.ts photos.tar [--images 400] [--rounds 5] [--model models/vqrae-tiny] [--python python3]
 *
 * Each side is a process of its own, pinned to its cores (`taskset`), that times its work after a warm-up. The sides run in turn; a
 * ratio is the median of the rounds' ratios to the first side. `training/` has to be installed for `--python`; without it that side is
 * left out.
 */
import { execFile } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { environment } from "../scripts/lib/environment.ts";
import { median } from "./lib/median.ts";

const { values, positionals } = parseArgs({
  options: {
    images: { type: "string", default: "400" },
    rounds: { type: "string", default: "5" },
    model: { type: "string", default: fileURLToPath(new URL("../models/vqrae-tiny", import.meta.url)) },
    python: { type: "string" },
  },
  allowPositionals: true,
});
const [photos] = positionals;
if (photos === undefined) throw new Error("Expected a tar of photos.");
const run = promisify(execFile);
const cores = availableParallelism();
const script = (name: string): string => fileURLToPath(new URL(`tokenize/${name}`, import.meta.url));

/** Runs a side on cores `first` to `last`, and returns its images a second. */
async function rate(first: number, last: number, command: readonly string[]): Promise<number> {
  const { stdout } = await run("taskset", ["-c", `${first}-${last}`, ...command], { maxBuffer: 2 ** 26 });
  const { images, seconds } = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
  return images / seconds;
}

const ours = (work: "encoder" | "shard", workers: number): string[] => [
  process.execPath,
  script("side.ts"),
  ...[work, photos, values.model, String(workers), values.images],
];
const { python } = values;
const loop = (threads: number): string[] =>
  python === undefined ? [] : [python, script("loop.py"), photos, values.model, String(threads), values.images];
const all = cores - 1;
const alone = () => rate(0, 0, ours("shard", 1));
const sides: Record<string, () => Promise<number>> = {
  "the encoder alone, 1 core": () => rate(0, 0, ours("encoder", 1)),
  "tar to parquet, 1 core": alone,
  [`tar to parquet, ${cores} workers on ${cores} cores`]: () => rate(0, all, ours("shard", cores)),
  [`the encoder alone, ${cores} workers on ${cores} cores`]: () => rate(0, all, ours("encoder", cores)),
  // What the machine itself gives to twice the work.
  [`tar to parquet, ${cores} processes of 1 core each`]: async () => {
    const rates = Array.from({ length: cores }, (_, core) => rate(core, core, ours("shard", 1)));
    return (await Promise.all(rates)).reduce((sum, own) => sum + own, 0);
  },
  ...(python !== undefined && {
    "Python loop, 1 core": () => rate(0, 0, loop(1)),
    [`Python loop, ${cores} threads on ${cores} cores`]: () => rate(0, all, loop(cores)),
  }),
};

const seen = new Map(Object.keys(sides).map((name) => [name, [] as number[]]));
for (let round = 0; round < Number(values.rounds); round++) {
  for (const [name, side] of Object.entries(sides)) {
    seen.get(name)?.push(await side());
    console.error(round, name, seen.get(name)?.at(-1)?.toFixed(1));
  }
}
const rates = [...seen.values()];
const against = (own: readonly number[], other: readonly number[] = []): number =>
  median(own.map((value, round) => value / (other[round] ?? Number.NaN)));
const packages = ["onnxruntime-node", "sharp", "hyparquet-writer"];
console.log(`${await environment(...packages)}; ${values.images} photos, ${values.rounds} rounds\n`);
console.log("| side | photos/s | ratio |\n| --- | --- | --- |");
for (const [name, own] of seen) {
  console.log(`| ${name} | ${median(own).toFixed(1)} | ${against(own, rates[0]).toFixed(2)}x |`);
}
const [encoder1, shard1, shardAll, encoderAll, apart] = rates;
console.log(
  `\nOf the encoder alone: ${against(shard1!, encoder1).toFixed(3)} on 1 core, ${against(shardAll!, encoderAll).toFixed(3)} on ${cores}.`,
);
const linear = (own: readonly number[]) => (against(own, shard1) / cores).toFixed(3);
console.log(`Of linear, ${cores} cores to one: ${linear(shardAll!)}; processes of their own: ${linear(apart!)}.`);
