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
import {
  evaluateReconstruction,
  type LabelledFile,
  listImages,
  pairsPicture,
  poolFeatures,
  type Reconstruction,
} from "../sdk/evaluation/index.ts";
import { encodePng, type RgbImage, VQRAE } from "../sdk/index.ts";
import {
  CodebookUsage,
  leaveOneOutAccuracy,
  nearestNeighbourAccuracy,
  trainLinearProbe,
} from "../sdk/metrics/index.ts";
import { environment } from "./lib/environment.ts";

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
console.log("| images | PSNR dB (mean, median, worst) | SSIM 7x7 uniform | SSIM 11x11 Gaussian |\n|---|---|---|---|");
const shown: [RgbImage, RgbImage][] = [];
const showEvery = Math.floor(val.length / PICTURES);
await reconstruction("val", val, (file, { original, decoded }) => {
  if (val.indexOf(file) % showEvery === 0 && shown.length < PICTURES) shown.push([original, decoded]);
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
  const gallery = await poolFeatures(encoder, train);
  const queries = await poolFeatures(encoder, val);
  if (encoder === tokenizer) {
    console.log("\n| ids of | codes used | utilization | entropy | perplexity |\n|---|---|---|---|---|");
    codesRow("val", queries.usage!);
    const all = new CodebookUsage(codebook.size);
    for (const { usage } of [queries, gallery]) all.merge(usage!);
    codesRow("val + train", all);
  }
  for (const [what, of] of [
    ["class token", "classToken"],
    ["mean patch", "meanPatch"],
  ] as const) {
    const [q, g] = [queries[of], gallery[of]];
    if (!q || !g) continue;
    const [labelledQueries, labelledGallery] = [
      { ...q, labels: labelsOf(queries.files) },
      { ...g, labels: labelsOf(gallery.files) },
    ];
    const probe = trainLinearProbe(labelledGallery);
    const figures = [
      nearestNeighbourAccuracy(labelledQueries, labelledGallery),
      leaveOneOutAccuracy(labelledQueries),
      probe.accuracy(labelledQueries),
    ];
    rows.push(`| ${name}, ${what} | ${figures.map((f) => `${(100 * f).toFixed(2)} %`).join(" | ")} |`);
  }
  if (encoder !== tokenizer) await encoder.dispose();
}
console.log("\n| encoder | 1-NN, val in train | 1-NN, val leave-one-out | linear probe |\n|---|---|---|---|");
console.log(rows.join("\n"));
await tokenizer.dispose();

/** Prints one table row. */
async function reconstruction(
  name: string,
  files: readonly LabelledFile[],
  onReconstruction?: (file: LabelledFile, reconstruction: Reconstruction) => void,
): Promise<void> {
  const report = await evaluateReconstruction(tokenizer, files, onReconstruction ? { onReconstruction } : {});
  if (report.failed.length > 0) throw new Error(`${report.failed.length} images failed: ${report.failed[0]!.message}`);
  const { psnr, ssimUniform, ssimGaussian } = report;
  console.log(
    `| ${name} (${files.length}) | ${[psnr.mean, psnr.median, psnr.worst].map((x) => x.toFixed(2)).join(", ")} ` +
      `| ${ssimUniform!.mean.toFixed(4)} | ${ssimGaussian!.mean.toFixed(4)} |`,
  );
}

function codesRow(name: string, { counts, utilization, entropy, perplexity }: CodebookUsage): void {
  const used = `${Math.round(utilization * counts.length)} of ${counts.length}`;
  console.log(
    `| ${name} | ${used} | ${(100 * utilization).toFixed(2)} % | ${entropy.toFixed(2)} bits | ${perplexity.toFixed(0)} |`,
  );
}

/** Numbers that mean the same in both sets. */
function labelsOf(files: readonly LabelledFile[]): number[] {
  const classes = [...new Set([...train, ...val].map((file) => file.label))].sort();
  return files.map(({ label }) => classes.indexOf(label));
}
