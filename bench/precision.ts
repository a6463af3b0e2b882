/**
 * What the encoder's precision and prepacking cost and give; prints the tables of docs/precision.md:
 *
 *   node bench/precision.ts <folder of photos> [--model default]... [--count 64] [--rounds 15] [--threads 1]
 *
 * The modes encode one image in turn, round after round. Times are the processor's, of all threads: other programs on the
 * machine change those least. A model with random weights shows speed, load and memory; its cosines mean little.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { environment } from "../scripts/lib/environment.ts";
import { listImages } from "../sdk/evaluation/index.ts";
import { type ImageTokens, type LoadOptions, readImage, resize, VQRAE } from "../sdk/index.ts";
import { requireFeatureDim } from "../sdk/kit.ts";
import { cosines } from "./lib/cosines.ts";
import { median } from "./lib/median.ts";

const { values, positionals } = parseArgs({
  options: {
    model: { type: "string", multiple: true, default: ["default"] },
    count: { type: "string", default: "64" },
    rounds: { type: "string", default: "15" },
    threads: { type: "string", default: "1" },
  },
  allowPositionals: true,
});
const [folder] = positionals;
if (!folder) throw new Error("Expected a folder of photos.");
const photos = (await listImages(folder)).slice(0, Number(values.count)).map(({ path }) => path);
const [rounds, threads] = [Number(values.rounds), Number(values.threads)];

const modes = {
  fp32: {},
  "fp32, prepacked": { prepack: true },
  int8: { precision: "int8" },
  "int8, prepacked": { precision: "int8", prepack: true },
} as const satisfies Record<string, LoadOptions>;
type Mode = keyof typeof modes;
const names = Object.keys(modes) as Mode[];

const processorMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** Loads in a process of its own, which shares no memory that an earlier load has left. */
async function loadOnce(model: string, options: LoadOptions): Promise<{ ms: number; megabytes: number | null }> {
  const script = fileURLToPath(new URL("./load-once.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script, model, JSON.stringify(options)]);
  return JSON.parse(stdout);
}

async function speed(model: string, cacheDir: string): Promise<void> {
  const made = await loadOnce(model, { precision: "int8", threads, cacheDir });
  const image = await readImage(photos[0]!);
  const tokenizers = new Map<Mode, VQRAE>();
  const times = new Map<Mode, number[]>(names.map((name) => [name, []]));
  for (const name of names) tokenizers.set(name, await VQRAE.load(model, { ...modes[name], threads, cacheDir }));
  const { inputSize, modelId } = tokenizers.get("fp32")!.info;
  const input = inputSize ? resize(image, inputSize.width, inputSize.height, "bicubic") : image;
  for (let round = -1; round < rounds; round++) {
    for (const name of names) {
      const start = processorMs();
      await tokenizers.get(name)!.encode(input, { ids: false });
      if (round >= 0) times.get(name)!.push(processorMs() - start); // the round before the first pays what is paid once
    }
  }
  const fp32 = times.get("fp32")!;
  for (const name of names) {
    await tokenizers.get(name)!.dispose();
    const own = times.get(name)!;
    const ratio = median(fp32.map((ms, round) => ms / own[round]!));
    const loads = [];
    for (let i = 0; i < 3; i++) loads.push(await loadOnce(model, { ...modes[name], threads, cacheDir }));
    const load = median(loads.map(({ ms }) => ms));
    const memory = median(loads.map(({ megabytes }) => megabytes ?? Number.NaN));
    const figures = [
      `${median(own).toFixed(0)} ms`,
      `${ratio.toFixed(2)}x`,
      `${load.toFixed(0)} ms`,
      `${memory.toFixed(0)} MB`,
    ];
    console.log(`| ${modelId}, ${name} | ${figures.join(" | ")} |`);
  }
  console.log(`| ${modelId}, int8, the first time | | | ${made.ms.toFixed(0)} ms | |`);
}

async function accuracy(model: string, cacheDir: string): Promise<void> {
  const exact = await VQRAE.load(model);
  const int8 = await VQRAE.load(model, { precision: "int8", cacheDir });
  const { modelId } = exact.info;
  const featureDim = requireFeatureDim(exact.info);
  const encode = async (path: string): Promise<[ImageTokens, ImageTokens]> => [
    await exact.encode(path),
    await int8.encode(path),
  ];
  const tokens: number[] = [];
  const classTokens: number[] = [];
  let [ids, same] = [0, 0];
  for (const path of photos) {
    const [a, b] = await encode(path);
    tokens.push(...cosines(a.features!, b.features!, featureDim));
    if (a.classToken) classTokens.push(...cosines(a.classToken, b.classToken!, featureDim));
    ids += a.ids?.length ?? 0;
    same += a.ids?.filter((id, i) => id === b.ids![i]).length ?? 0;
  }
  const mean = (all: readonly number[]) => (all.length ? (all.reduce((x, y) => x + y) / all.length).toFixed(5) : "-");
  const sorted = tokens.toSorted((a, b) => a - b);
  const [worst, percentile] = [sorted[0]!, sorted[Math.floor(sorted.length / 100)]!].map((c) => c.toFixed(4));
  const agreement = ids === 0 ? "-" : `${((100 * same) / ids).toFixed(1)} %`;
  console.log(`| ${modelId} | ${mean(tokens)} | ${percentile} | ${worst} | ${mean(classTokens)} | ${agreement} |`);
  await exact.dispose();
  await int8.dispose();
}

const cacheDir = await mkdtemp(join(tmpdir(), "vqrae-precision-"));
try {
  console.log(`${await environment()}; ${threads} thread(s), ${rounds} rounds, ${photos.length} photos\n`);
  console.log("| model, mode | one image | speed | load | private memory |\n|---|---|---|---|---|");
  for (const model of values.model) await speed(model, cacheDir);
  console.log(
    "\n| int8 against fp32 | mean cosine of tokens | 1st percentile | worst token | class token | same ids |",
  );
  console.log("|---|---|---|---|---|---|");
  for (const model of values.model) await accuracy(model, cacheDir);
} finally {
  await rm(cacheDir, { recursive: true });
}
