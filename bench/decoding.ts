/**
 * What `decoding: "scaled"` saves of a large photo, and what it changes:
 *
 *   node bench/decoding.ts <folder of photos> [--count 24] [--models default deit-tiny] [--rounds 5]
 *
 * Each photo is enlarged to 12 megapixels and stored as JPEG of quality 90. Prints processor time of reading and resizing one, the
 * two ways in turn, and how far features and ids agree by the scale that is decoded to.
 */
import { parseArgs } from "node:util";
import sharp from "sharp";
import { environment } from "../scripts/lib/environment.ts";
import { listImages } from "../sdk/evaluation/index.ts";
import { preprocess } from "../sdk/image/preprocess.ts";
import { readScaled } from "../sdk/image/read/read-pixels.ts";
import { VQRAE } from "../sdk/index.ts";
import { cosines } from "./lib/cosines.ts";
import { median } from "./lib/median.ts";

const { values, positionals } = parseArgs({
  options: {
    count: { type: "string", default: "24" },
    models: { type: "string", multiple: true, default: ["default", "deit-tiny"] },
    rounds: { type: "string", default: "5" },
  },
  allowPositionals: true,
});
const [folder] = positionals;
if (!folder) throw new Error("Expected a folder of photos.");
const LANDSCAPE = { width: 4032, height: 3024 };
const SCALES = [1, 3, 5, 9] as const;
const viewOf = (size: number) => ({ geometry: "crop", size, resizeTo: size, resample: "bicubic" }) as const;

const files = (await listImages(folder)).slice(0, Number(values.count));
const photos = await Promise.all(
  files.map(({ path }) =>
    sharp(path)
      .resize({ ...LANDSCAPE, fit: "cover" })
      .jpeg({ quality: 90 })
      .toBuffer(),
  ),
);
const prepared = async (photo: Buffer, scale: (typeof SCALES)[number], size = 224) => {
  const { image, full } = await readScaled(photo, undefined, () => scale);
  return preprocess(image, viewOf(size), full);
};

console.log(`${await environment("sharp", "onnxruntime-node")}\n${photos.length} photos of 12 megapixels\n`);
console.log("| decoded to | processor time of one | to the whole |\n|---|---|---|");
const times = new Map<number, number[]>(SCALES.map((scale) => [scale, []]));
for (let round = 0; round < Number(values.rounds); round++) {
  for (const scale of SCALES) {
    const before = process.cpuUsage();
    for (const photo of photos) await prepared(photo, scale);
    const { user, system } = process.cpuUsage(before);
    times.get(scale)!.push((user + system) / 1000 / photos.length);
  }
}
const whole = times.get(1)!;
for (const [scale, each] of times) {
  const ratio = median(each.map((ms, round) => ms / whole[round]!));
  console.log(`| ${scale === 1 ? "the whole" : `1/${scale}`} | ${median(each).toFixed(0)} ms | ${ratio.toFixed(2)}x |`);
}

console.log(
  "\n| model | decoded to | cosine of features: mean | least | equal ids: mean | least |\n|---|---|---|---|---|---|",
);
for (const source of values.models) {
  const model = await VQRAE.load(source);
  const hasIds = model.info.codebook !== null;
  const size = model.info.inputSize?.width;
  const encode = async (scale: (typeof SCALES)[number]) =>
    model.encode(await Promise.all(photos.map((photo) => prepared(photo, scale, size))));
  const exact = await encode(1);
  for (const scale of SCALES.slice(1)) {
    const found = await encode(scale);
    const agreement = found.map(({ features }, i) => cosines(features, exact[i]!.features, features.length)[0]!);
    const equal = hasIds ? found.map(({ ids }, i) => ids!.filter((id, at) => id === exact[i]!.ids![at]).length) : [];
    const of = (list: number[], digits: number) =>
      `${mean(list).toFixed(digits)} | ${Math.min(...list).toFixed(digits === 1 ? 0 : digits)}`;
    const ids = hasIds ? `${of(equal, 1)} of ${exact[0]!.ids!.length}` : "none |";
    console.log(`| ${model.info.modelId} | 1/${scale} | ${of(agreement, 5)} | ${ids} |`);
  }
  await model.dispose();
}

function mean(list: readonly number[]): number {
  return list.reduce((sum, value) => sum + value, 0) / list.length;
}
