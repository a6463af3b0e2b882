/**
 * Prints every figure of a model card, measured in Node on the checkpoint itself:
 *
 *   node scripts/evaluate-model.ts --model models/vqrae-tiny --val caltech/val --train caltech/train \
 *     --photos coco/images --encoder frozen=runs/foundation/encoder --picture models/vqrae-tiny/reconstructions.png
 *
 * Folders hold images; where a folder has sub-folders, their names are the classes of the 1-NN and the linear probe.
 */
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { encodePng, type RgbImage, VQRAE } from "../sdk/index.ts";
import {
  CodebookUsage,
  leaveOneOutAccuracy,
  nearestNeighbourAccuracy,
  psnr,
  ssimGaussian,
  ssimUniform,
  trainLinearProbe,
} from "../sdk/metrics/index.ts";
import { environment } from "./lib/environment.ts";
import { type LabelledFile, listImages } from "./lib/list-images.ts";
import { pairsPicture } from "./lib/pairs-picture.ts";

const PICTURES = 16;

const { values } = parseArgs({
  options: {
    model: { type: "string", default: "default" },
    val: { type: "string" },
    train: { type: "string" },
    photos: { type: "string" },
    encoder: { type: "string", multiple: true, default: [] },
    picture: { type: "string" },
  },
});
if (!values.val || !values.train) throw new Error("Expected --val and --train, folders of images by class.");

const val = await listImages(values.val);
const train = await listImages(values.train);
const photos = values.photos ? await listImages(values.photos) : [];
console.log(`${await environment()}\n`);

const tokenizer = await VQRAE.load(values.model);
const { codebook } = tokenizer.info;
if (!codebook) throw new Error(`Expected a VQRAE for --model but received ${values.model}, an encoder alone.`);
const usage = { val: new CodebookUsage(codebook.size), all: new CodebookUsage(codebook.size) };

console.log("| images | PSNR dB (mean, median, worst) | SSIM 7x7 uniform | SSIM 11x11 Gaussian |\n|---|---|---|---|");
const shown: [RgbImage, RgbImage][] = [];
const showEvery = Math.floor(val.length / PICTURES);
await reconstruction("val", val, (index, pair) => {
  if (index % showEvery === 0 && shown.length < PICTURES) shown.push(pair);
});
if (photos.length > 0) await reconstruction("photos", photos);
if (values.picture) await writeFile(values.picture, await encodePng(pairsPicture(shown, 8)));

const encoders: [string, VQRAE][] = [["this model", tokenizer]];
for (const spec of values.encoder) {
  const [name = "", folder = ""] = spec.split("=");
  encoders.push([name, await VQRAE.load(folder)]);
}
const rows: string[] = [];
for (const [name, encoder] of encoders) {
  const gallery = await embed(encoder, train);
  const queries = await embed(encoder, val);
  for (const [what, of] of [
    ["class token", "classTokens"],
    ["mean patch", "meanPatches"],
  ] as const) {
    const [q, g] = [queries[of], gallery[of]];
    if (!q || !g) continue;
    const probe = trainLinearProbe(g);
    const figures = [nearestNeighbourAccuracy(q, g), leaveOneOutAccuracy(q), probe.accuracy(q)];
    rows.push(`| ${name}, ${what} | ${figures.map((f) => `${(100 * f).toFixed(2)} %`).join(" | ")} |`);
  }
  if (encoder !== tokenizer) await encoder.dispose();
}
console.log("\n| ids of | codes used | utilization | entropy | perplexity |\n|---|---|---|---|---|");
for (const [name, u] of [
  ["val", usage.val],
  ["val + train", usage.all],
] as const) {
  const used = Math.round(u.utilization * codebook.size);
  const share = `${(100 * u.utilization).toFixed(2)} %`;
  console.log(
    `| ${name} | ${used} of ${codebook.size} | ${share} | ${u.entropy.toFixed(2)} bits | ${u.perplexity.toFixed(0)} |`,
  );
}
console.log("\n| encoder | 1-NN, val in train | 1-NN, val leave-one-out | linear probe |\n|---|---|---|---|");
console.log(rows.join("\n"));
await tokenizer.dispose();

/** Encodes, decodes and compares; prints one table row. */
async function reconstruction(
  name: string,
  files: readonly LabelledFile[],
  onPair?: (index: number, pair: [RgbImage, RgbImage]) => void,
): Promise<void> {
  const scores: { psnr: number; uniform: number; gaussian: number }[] = [];
  for (const [index, { path }] of files.entries()) {
    const original = await tokenizer.reconstructionTarget(path);
    const { ids } = await tokenizer.encode(path, { features: false });
    const decoded = await tokenizer.decode(ids!);
    onPair?.(index, [original, decoded]);
    scores.push({
      psnr: psnr(original, decoded),
      uniform: ssimUniform(original, decoded),
      gaussian: ssimGaussian(original, decoded),
    });
  }
  const ratios = scores.map((s) => s.psnr).sort((a, b) => a - b);
  const mean = (key: "psnr" | "uniform" | "gaussian") => scores.reduce((sum, s) => sum + s[key], 0) / scores.length;
  const [median, worst] = [ratios[ratios.length >> 1]!, ratios[0]!].map((x) => x.toFixed(2));
  console.log(
    `| ${name} (${files.length}) | ${mean("psnr").toFixed(2)}, ${median}, ${worst} ` +
      `| ${mean("uniform").toFixed(4)} | ${mean("gaussian").toFixed(4)} |`,
  );
}

/** One vector an image: the class token, and the mean of the patch features. Counts ids on the way. */
async function embed(encoder: VQRAE, files: readonly LabelledFile[]) {
  const dim = encoder.info.featureDim;
  const classes = [...new Set([...train, ...val].map((f) => f.label))].sort();
  const labels = files.map((f) => classes.indexOf(f.label));
  const classTokens = new Float32Array(files.length * dim);
  const meanPatches = new Float32Array(files.length * dim);
  let hasClassToken = true;
  const step = 64;
  for (let start = 0; start < files.length; start += step) {
    const batch = files.slice(start, start + step).map((f) => f.path);
    for (const [i, { features, classToken, ids }] of (await encoder.encode(batch)).entries()) {
      const row = start + i;
      if (classToken) classTokens.set(classToken, row * dim);
      else hasClassToken = false;
      const tokens = features!.length / dim;
      for (let k = 0; k < features!.length; k++) meanPatches[row * dim + (k % dim)]! += features![k]! / tokens;
      if (encoder === tokenizer && ids) {
        usage.all.add(ids);
        if (files === val) usage.val.add(ids);
      }
    }
  }
  return {
    meanPatches: { features: meanPatches, dim, labels },
    classTokens: hasClassToken ? { features: classTokens, dim, labels } : null,
  };
}
