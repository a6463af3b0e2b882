/**
 * Asks a generator for twelve kinds of things that COCO's detectors know, and a detector how many it finds:
 *
 *   node scripts/judge-by-detector.ts yolox_nano.onnx [--generator llm.gguf] [--samples 20] [--picture sheet.png]
 *   node scripts/judge-by-detector.ts yolox_nano.onnx --captions val.tsv --photos val     # and the ceiling: real photos
 *
 * The detector is YOLOX at 416 px; a thing counts where one of its boxes has a score of 0.35 or more. Photos of --photos stand for a
 * kind where three of their captions name it: they are judged as they are, and after the tokenizer and back.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import * as ort from "onnxruntime-node";
import { loadGenerator } from "../adapters/generation/index.ts";
import { resize } from "../sdk/image/resize/resize.ts";
import { type RgbImage, readImage, VQRAE } from "../sdk/index.ts";
import { captionedPicture } from "./lib/captioned-picture.ts";
import { environment } from "./lib/environment.ts";

/** A kind's number among COCO's 80 classes, and the words that name it in a caption. */
const KINDS = {
  person: {
    index: 0,
    words: ["person", "people", "man", "men", "woman", "women", "boy", "boys", "girl", "girls", "child", "children"],
  },
  bicycle: { index: 1, words: ["bicycle", "bicycles", "bike", "bikes"] },
  car: { index: 2, words: ["car", "cars"] },
  motorcycle: { index: 3, words: ["motorcycle", "motorcycles", "motorbike"] },
  airplane: { index: 4, words: ["airplane", "plane"] },
  boat: { index: 8, words: ["boat", "boats"] },
  bird: { index: 14, words: ["bird", "birds"] },
  cat: { index: 15, words: ["cat", "cats"] },
  dog: { index: 16, words: ["dog", "dogs"] },
  horse: { index: 17, words: ["horse", "horses"] },
  skateboard: { index: 36, words: ["skateboard", "skateboarder"] },
  surfboard: { index: 37, words: ["surfboard", "surfer"] },
} as const;
type Kind = keyof typeof KINDS;
const kinds = Object.keys(KINDS) as Kind[];
const SIDE = 416;
const STRIDES = [8, 16, 32];
const CLASSES = 80;
const LEAST_SCORE = 0.35;
const NAMED_BY = 3;

const { values, positionals } = parseArgs({
  options: {
    generator: {
      type: "string",
      default: fileURLToPath(new URL("../models/vqrae-tiny-generator/llm.gguf", import.meta.url)),
    },
    tokenizer: { type: "string", default: fileURLToPath(new URL("../models/vqrae-tiny", import.meta.url)) },
    samples: { type: "string", default: "20" },
    photos: { type: "string" },
    captions: { type: "string" },
    picture: { type: "string" },
  },
  allowPositionals: true,
});
const [detector] = positionals;
if (detector === undefined) throw new Error("Expected the detector's ONNX file.");
const session = await ort.InferenceSession.create(detector);

/** The largest score of each of COCO's classes in a picture. */
async function scores(image: RgbImage): Promise<Float32Array> {
  const scale = SIDE / Math.max(image.width, image.height);
  const [width, height] = [Math.round(image.width * scale), Math.round(image.height * scale)];
  const { data } = resize(image, width, height, "bilinear");
  const pixels = new Float32Array(3 * SIDE * SIDE).fill(114);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++) pixels[(2 - c) * SIDE * SIDE + y * SIDE + x] = data[(y * width + x) * 3 + c] ?? 0; // BGR
    }
  }
  const { output } = await session.run({ images: new ort.Tensor("float32", pixels, [1, 3, SIDE, SIDE]) });
  const rows = output?.data as Float32Array;
  const best = new Float32Array(CLASSES);
  const boxes = STRIDES.reduce((sum, stride) => sum + (SIDE / stride) ** 2, 0);
  for (let box = 0; box < boxes; box++) {
    const start = box * (5 + CLASSES);
    const objectness = rows[start + 4] ?? 0;
    for (let i = 0; i < CLASSES; i++) best[i] = Math.max(best[i] ?? 0, objectness * (rows[start + 5 + i] ?? 0));
  }
  return best;
}

interface Tally {
  readonly asked: number;
  readonly found: number;
}

async function tally(images: Iterable<RgbImage> | AsyncIterable<RgbImage>, kind: Kind): Promise<Tally> {
  let [asked, found] = [0, 0];
  for await (const image of images) {
    asked++;
    if (((await scores(image))[KINDS[kind].index] ?? 0) >= LEAST_SCORE) found++;
  }
  return { asked, found };
}

/** Photos that the captions name a kind for. */
async function photosOf(kind: Kind): Promise<string[]> {
  if (values.captions === undefined || values.photos === undefined) return [];
  const named = new Map<string, number>();
  for (const line of (await readFile(values.captions, "utf8")).split("\n")) {
    const [name = "", caption = ""] = line.split("\t");
    const words = caption.toLowerCase().split(/[^a-z]+/);
    if (KINDS[kind].words.some((word) => words.includes(word))) named.set(name, (named.get(name) ?? 0) + 1);
  }
  const most = Number(values.samples);
  return [...named]
    .filter(([, count]) => count >= NAMED_BY)
    .slice(0, most)
    .map(([name]) => join(values.photos ?? "", name));
}

const generator = await loadGenerator({ llm: values.generator, tokenizer: values.tokenizer }, { gpu: false });
const tokenizer = await VQRAE.load(values.tokenizer);
const table = new Map<Kind, readonly Tally[]>();
const cells = [];
for (const kind of kinds) {
  const files = await photosOf(kind);
  const real = await Promise.all(files.map((file) => readImage(file)));
  const back: RgbImage[] = [];
  for (const image of real)
    back.push(await tokenizer.decode((await tokenizer.encode(image, { features: false })).ids ?? []));
  const prompt = `a photo of ${/^[aeiou]/.test(kind) ? "an" : "a"} ${kind}`;
  const drawn = (await generator.generateImages(prompt, { n: Number(values.samples), seed: 1 })).map(
    ({ image }) => image,
  );
  for (const image of drawn.slice(0, 4)) cells.push({ image, lines: [{ text: prompt }] });
  table.set(kind, [await tally(real, kind), await tally(back, kind), await tally(drawn, kind)]);
  console.error(kind, table.get(kind));
}
await generator.dispose();
await tokenizer.dispose();

const share = ({ asked, found }: Tally): string =>
  asked === 0 ? "" : `${((100 * found) / asked).toFixed(0)} % of ${asked}`;
console.log(`${await environment("onnxruntime-node", "node-llama-cpp")}\n`);
console.log("| asked for | real photos | the same through the tokenizer | drawn |\n| --- | --- | --- | --- |");
for (const [kind, columns] of table) console.log(`| ${kind} | ${columns.map(share).join(" | ")} |`);
const sums = [0, 1, 2].map((column) =>
  [...table.values()].reduce(
    (sum, columns) => ({
      asked: sum.asked + (columns[column]?.asked ?? 0),
      found: sum.found + (columns[column]?.found ?? 0),
    }),
    { asked: 0, found: 0 },
  ),
);
console.log(`| all | ${sums.map(share).join(" | ")} |`);
if (values.picture !== undefined) await writeFile(values.picture, await captionedPicture(cells, 224));
