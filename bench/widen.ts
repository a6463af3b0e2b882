/**
 * What opening a model of 16-bit weights costs; prints the table of docs/speed.md:
 *
 *   python scripts/full-size/make.py InternViT-300M-448px <folder> examples/images/cat.jpg
 *   node bench/widen.ts <folder> [--rounds 7] [--threads 2]
 *
 * The sides open in turn, round after round, each in a process of its own: the model as onnxruntime widens it at each opening
 * (`cacheDir: false`, what was done before there was a cache of it), from the cache, and a copy whose weights are float32 in its own
 * file. Ratios are medians of the rounds' to the first side. The files are in the page cache.
 */
import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { environment } from "../scripts/lib/environment.ts";
import { requireFloats } from "../sdk/weights/dtypes.ts";
import { floatPieces } from "../sdk/weights/read-tensor.ts";
import { openSafetensors } from "../sdk/weights/safetensors/open-safetensors.ts";
import { streamSafetensors } from "../sdk/weights/safetensors/write-safetensors.ts";
import type { TensorRef } from "../sdk/weights/tensor-ref.ts";
import { median } from "./lib/median.ts";

const { values, positionals } = parseArgs({
  options: { rounds: { type: "string", default: "7" }, threads: { type: "string", default: "2" } },
  allowPositionals: true,
});
const [folder] = positionals;
if (!folder) throw new Error("Expected the folder of a model with 16-bit weights in model.safetensors.");
const [rounds, threads] = [Number(values.rounds), Number(values.threads)];

interface Opening {
  readonly ms: number;
  readonly processor: number;
  readonly opened: number;
  readonly peak: number;
}

async function open(model: string, options: object): Promise<Opening> {
  const script = fileURLToPath(new URL("./load-once.ts", import.meta.url));
  const json = JSON.stringify({ device: "cpu", threads, encode: false, ...options });
  return JSON.parse((await promisify(execFile)(process.execPath, [script, model, json])).stdout);
}

/** The same model with its weights in float32. */
async function asFloat32(from: string, to: string): Promise<void> {
  for (const name of await readdir(from))
    if (!name.endsWith(".safetensors")) await cp(join(from, name), join(to, name), { recursive: true });
  const { tensors } = await openSafetensors(join(from, "model.safetensors"));
  const layout = Array.from(tensors.values(), ({ name, shape }) => ({ name, dtype: "F32" as const, shape }));
  await streamSafetensors(join(to, "model.safetensors"), layout, {}, async (write) => {
    for (const tensor of tensors.values()) await write(tensor.name, floatPieces(requireFloats(tensor as TensorRef)));
  });
}

const work = await mkdtemp(join(tmpdir(), "vqrae-widen-"));
try {
  const [float32, cacheDir] = [await mkdtemp(join(work, "float32-")), join(work, "cache")];
  await asFloat32(folder, float32);
  await sleep(2100); // files that are older are remembered by their times
  const first = await open(folder, { cacheDir });
  const sides = {
    "16 bits, widened at each opening": () => open(folder, { cacheDir: false }),
    "16 bits, from the cache": () => open(folder, { cacheDir }),
    "stored as float32": () => open(float32, { cacheDir: false }),
  };
  const names = Object.keys(sides) as (keyof typeof sides)[];
  const found = new Map<string, Opening[]>(names.map((name) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (const name of names) {
      const one = await sides[name]();
      if (round >= 0) found.get(name)!.push(one); // the round before the first brings the files into the page cache
    }
  }
  const base = found.get(names[0]!)!;
  const ratio = (own: readonly Opening[], field: "ms" | "processor") =>
    `${median(own.map((one, round) => one[field] / base[round]![field])).toFixed(2)}x`;
  const shown = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
  const row = (name: string, own: readonly Opening[], ratios: readonly string[]) => {
    const [ms, processor, opened, peak] = (["ms", "processor", "opened", "peak"] as const).map((field) =>
      median(own.map((one) => one[field])),
    );
    const times = [shown(processor!), shown(ms!)].map((time, i) => [time, ratios[i]].filter(Boolean).join(", "));
    console.log(`| ${[name, ...times, `${opened!.toFixed(0)} MB`, `${peak!.toFixed(0)} MB`].join(" | ")} |`);
  };
  console.log(`${basename(folder)}; ${await environment()}; ${threads} threads, ${rounds} rounds\n`);
  console.log("| | processor time | wall time | private memory when open | at most |\n| --- | --- | --- | --- | --- |");
  for (const [name, own] of found) row(name, own, [ratio(own, "processor"), ratio(own, "ms")]);
  row("16 bits, the first time", [first], []);
} finally {
  await rm(work, { recursive: true });
}
