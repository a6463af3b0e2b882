/**
 * Makes the README's pictures from the models that ship:
 *
 *   node scripts/readme-pictures.ts docs/images
 *
 * reconstruction.png: example photos above what comes back from their ids. answers.png: the same photos, three questions about each
 * and the VLM's answers. generation.png: the generator's pictures of each prompt with the seeds 1 to 4; none is picked by hand.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadGenerator } from "../adapters/generation/index.ts";
import { loadVlm } from "../adapters/llama-cpp/index.ts";
import { listImages, pairsPicture, tilePicture } from "../sdk/evaluation/index.ts";
import { resize } from "../sdk/image/resize/resize.ts";
import { encodePng, type RgbImage, readImage, VQRAE } from "../sdk/index.ts";
import { captionedPicture } from "./lib/captioned-picture.ts";

const SCALE = 2; // one pixel of the model's is small on today's screens
const CELL = 250;

const [folder] = process.argv.slice(2);
if (!folder) throw new Error("Expected the folder to write to.");
const examples = fileURLToPath(new URL("../examples/images", import.meta.url));

const enlarge = (image: RgbImage) => resize(image, image.width * SCALE, image.height * SCALE, "bicubic");

async function reconstruction(): Promise<Uint8Array> {
  const photos = (await listImages(examples)).filter(({ path }) => path.endsWith(".jpg"));
  const tokenizer = await VQRAE.load("default");
  const pairs: [RgbImage, RgbImage][] = [];
  for (const { path } of photos) {
    const { ids } = await tokenizer.encode(path, { features: false });
    pairs.push([enlarge(await tokenizer.reconstructionTarget(path)), enlarge(await tokenizer.decode(ids!))]);
  }
  await tokenizer.dispose();
  return encodePng(pairsPicture(pairs, pairs.length));
}

/** What each example photo is asked. */
const QUESTIONS = ["Describe the image.", "What is this?", "Is there a person?"];
/** Letters of a line under a picture. */
const LINE_LENGTH = 34;

async function answers(): Promise<Uint8Array> {
  const photos = (await listImages(examples)).filter(({ path }) => path.endsWith(".jpg"));
  const vlm = await loadVlm("default", { gpu: false });
  const cells = [];
  for (const { path } of photos) {
    const lines = [];
    for (const question of QUESTIONS) {
      lines.push({ text: question });
      for (const text of wrapped(await vlm.ask(path, question))) lines.push({ text, bold: true });
    }
    cells.push({ image: await readImage(path), lines });
  }
  await vlm.dispose();
  return captionedPicture(cells, CELL);
}

function wrapped(text: string): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const last = lines.at(-1)!;
    if (last === "") lines[lines.length - 1] = word;
    else if (last.length + 1 + word.length <= LINE_LENGTH) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

const PROMPTS = [
  "a red triangle",
  "a small blue circle",
  "a large pink heart",
  "a star on a black background",
  "a photo of a sunflower",
];

async function generation(): Promise<Uint8Array> {
  const generator = await loadGenerator("default", { gpu: false });
  const cells = [];
  for (const prompt of PROMPTS) {
    const made = await generator.generateImages(prompt, { seed: 1, n: 4 });
    const images = made.map(({ image }) => enlarge(image));
    cells.push({ image: tilePicture([images.slice(0, 2), images.slice(2)]), lines: [{ text: prompt }] });
  }
  await generator.dispose();
  return captionedPicture(cells, CELL);
}

for (const [name, make] of Object.entries({ reconstruction, answers, generation })) {
  await writeFile(join(folder, `${name}.png`), await make());
  console.log(`${join(folder, name)}.png`);
}
