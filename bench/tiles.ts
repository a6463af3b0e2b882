/**
 * Images of many tiles and many patches, from pixels to embeddings, against llama.cpp's own mtmd on the same tower with random
 * weights; prints the tables of docs/speed.md:
 *
 *   export VQRAE_MTMD=$(node scripts/llama-server/build-mtmd.ts)
 *   node bench/tiles.ts [--models internvl,qwen3-vl,lfm2-vl] [--blocks 24] [--rounds 3] [--threads 2]
 *
 * The sides take turns, each time in a process of its own that loads the model and embeds one image. Times are of the image alone. Memory
 * is the process's largest resident set, weights that are mapped included. Ratios are medians of the rounds' to the first side.
 * Cosines are of each embedding to the first side's, as their mean.
 */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import sharp from "sharp";
import { ggufValue } from "../adapters/gguf/index.ts";
import { environment } from "../scripts/lib/environment.ts";
import { loadProjector, type Precision, VQRAE } from "../sdk/index.ts";
import { writeTinyLlm } from "../test/helpers/tiny-llm.ts";
import { cosines } from "./lib/cosines.ts";
import { growMmproj, type TowerSizes } from "./lib/grown-mmproj.ts";
import { median } from "./lib/median.ts";

const golden = (path: string) => fileURLToPath(new URL(`../test/golden/${path}`, import.meta.url));

interface Case {
  readonly name: string;
  /** The small mmproj that is made large. */
  readonly small: string;
  readonly sizes: TowerSizes;
  /** Of the image, in pixels: neither side resizes it. */
  readonly image: readonly [width: number, height: number];
  /** A language model as wide as the embeddings. */
  readonly llm: (path: string) => Promise<string>;
}

const tinyLlm = (width: number) => async (path: string) => (await writeTinyLlm(path, "qwen3", { width })).path;

const cases: Record<string, (blocks: number) => Case> = {
  internvl: (blocks) => ({
    name: "InternViT-300M, 12 tiles of 448 px and the whole image",
    small: golden("mmproj/internvl-f32.gguf"),
    sizes: {
      ...{
        width: 1024,
        mlpWidth: 4096,
        heads: 16,
        blocks,
        patchSize: 14,
        imageSize: 448,
        positions: 1025,
        outputDim: 896,
      },
      keys: { "clip.vision.preproc_max_tiles": ggufValue.uint32(12) },
    },
    image: [4 * 448, 3 * 448],
    llm: tinyLlm(896),
  }),
  "qwen3-vl": (blocks) => ({
    name: "Qwen3-VL-2B's tower, 1,280 x 1,280 px",
    small: golden("two-files/qwen3_vl/mmproj-f32.gguf"),
    sizes: {
      width: 1024,
      mlpWidth: 4096,
      heads: 16,
      blocks,
      patchSize: 16,
      imageSize: 768,
      positions: 2304,
      outputDim: 32,
    },
    image: [1280, 1280],
    llm: async () => golden("two-files/qwen3_vl/llm.gguf"),
  }),
  "qwen3-vl-4mp": (blocks) => ({
    ...cases["qwen3-vl"]!(blocks),
    name: "Qwen3-VL-2B's tower, 2,048 x 2,048 px",
    image: [2048, 2048],
  }),
  "lfm2-vl": (blocks) => ({
    name: "LFM2-VL's SigLIP2 NaFlex (so400m), 512 x 512 px",
    small: golden("mmproj-more/lfm2-vl.gguf"),
    sizes: {
      ...{
        width: 1152,
        mlpWidth: 4304,
        heads: 16,
        blocks,
        patchSize: 16,
        imageSize: 256,
        positions: 256,
        outputDim: 896,
      },
      projectorWidth: 2560,
    },
    image: [512, 512],
    llm: tinyLlm(896),
  }),
};

interface Run {
  readonly side: "mtmd" | Precision;
  readonly mmproj: string;
  readonly llm: string;
  readonly image: readonly [width: number, height: number];
  readonly threads: number;
  readonly cacheDir: string;
  /** Where the embeddings go. */
  readonly out: string;
}
interface Result {
  readonly ms: number;
  readonly processor: number;
  readonly megabytes: number;
  readonly tokens: number;
}

/** In a process of its own. */
async function embedOnce({ side, mmproj, llm, image, threads, cacheDir, out }: Run): Promise<Result> {
  const photo = fileURLToPath(new URL("../examples/images/cat.jpg", import.meta.url));
  const data = await sharp(photo)
    .removeAlpha()
    .resize(...image, { fit: "fill" })
    .raw()
    .toBuffer();
  const pixels = { data: new Uint8Array(data), width: image[0], height: image[1] };
  let embed: () => Promise<{ views: Float32Array[]; width: number }> | { views: Float32Array[]; width: number };
  if (side === "mtmd") {
    const { openMtmd } = await import("../test/helpers/mtmd.ts");
    const mtmd = openMtmd(llm, mmproj, { threads });
    embed = () => ({ views: mtmd.embed(pixels), width: mtmd.width });
  } else {
    const options = { precision: side, threads, cacheDir, device: "cpu" } as const;
    const tokenizer = await VQRAE.load(mmproj, { ...options, projector: await loadProjector(mmproj) });
    embed = async () => {
      const { segments, embeddingDim: width } = await tokenizer.embed(pixels);
      return { views: segments.flatMap((segment) => (segment.type === "text" ? [] : [segment.data])), width };
    };
  }
  const [start, begun] = [performance.now(), process.cpuUsage()];
  const { views, width } = await embed();
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(begun);
  const numbers = views.reduce((sum, { length }) => sum + length, 0);
  await writeFile(out, Buffer.concat(views.map((view) => Buffer.from(view.buffer, view.byteOffset, view.byteLength))));
  const megabytes = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) / 1024;
  return { ms, processor: (user + system) / 1000, megabytes, tokens: numbers / width };
}

async function runCase({ name, small, sizes, image, llm }: Case, rounds: number, threads: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "vqrae-tiles-"));
  try {
    const files = { F16: join(folder, "f16.gguf"), F32: join(folder, "f32.gguf") };
    for (const type of ["F16", "F32"] as const) await growMmproj(small, files[type], type, sizes);
    const shared = { image, threads, cacheDir: join(folder, "cache"), llm: await llm(join(folder, "llm.gguf")) };
    const sides: Record<string, Run> = {
      "llama.cpp, F32": { ...shared, side: "mtmd", mmproj: files.F32, out: join(folder, "0") },
      "llama.cpp, F16": { ...shared, side: "mtmd", mmproj: files.F16, out: join(folder, "1") },
      "vqrae, F32": { ...shared, side: "fp32", mmproj: files.F32, out: join(folder, "2") },
      "vqrae, int8": { ...shared, side: "int8", mmproj: files.F32, out: join(folder, "3") },
    };
    const found = new Map<string, Result[]>(Object.keys(sides).map((side) => [side, []]));
    for (let round = 0; round < rounds; round++) {
      for (const [side, run] of Object.entries(sides)) {
        const args = [fileURLToPath(import.meta.url), "--run", JSON.stringify(run)];
        found.get(side)!.push(JSON.parse((await promisify(execFile)(process.execPath, args)).stdout));
      }
    }
    console.log(`${name}, ${sizes.blocks} blocks; ${threads} threads, ${rounds} rounds:\n`);
    console.log(
      "| | processor time | wall time | largest resident set | tokens | cosine |\n| --- | --- | --- | --- | --- | --- |",
    );
    const [base] = found.values();
    const floats = async ({ out }: Run) => new Float32Array((await readFile(out)).buffer);
    const first = await floats(Object.values(sides)[0]!);
    for (const [side, own] of found) {
      const times = (["processor", "ms"] as const).map((field) => {
        const ratio = median(own.map((one, round) => one[field] / base![round]![field]));
        return `${(median(own.map((one) => one[field])) / 1000).toFixed(2)} s, ${ratio.toFixed(2)}x`;
      });
      const { tokens } = own[0]!;
      const numbers = await floats(sides[side]!);
      const all = numbers.length === first.length ? cosines(numbers, first, numbers.length / tokens) : [];
      const alike = all.length > 0 ? (all.reduce((sum, one) => sum + one, 0) / all.length).toFixed(5) : "-";
      const memory = `${Math.max(...own.map((one) => one.megabytes)).toFixed(0)} MB`;
      console.log(`| ${[side, ...times, memory, tokens, alike].join(" | ")} |`);
    }
    console.log("");
  } finally {
    await rm(folder, { recursive: true });
  }
}

const { values } = parseArgs({
  options: {
    models: { type: "string", default: "internvl,qwen3-vl,lfm2-vl" },
    blocks: { type: "string", default: "24" },
    rounds: { type: "string", default: "3" },
    threads: { type: "string", default: "2" },
    run: { type: "string" },
  },
});
if (values.run !== undefined) {
  console.log(JSON.stringify(await embedOnce(JSON.parse(values.run))));
  process.exit(0); // without waiting for threads of either library
}
console.log(
  `${await environment("onnxruntime-node", process.env.VQRAE_MTMD ? "node-llama-cpp" : "@fugood/llama.node")}\n`,
);
for (const name of values.models.split(",")) {
  const make = cases[name];
  if (make === undefined) throw new Error(`Expected one of ${Object.keys(cases).join(", ")} but received ${name}.`);
  await runCase(make(Number(values.blocks)), Number(values.rounds), Number(values.threads));
}
