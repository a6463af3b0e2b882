/**
 * Makes the README's pictures from the models that ship:
 *
 *   node scripts/readme-pictures.ts docs/images
 *
 * reconstruction.png: example photos above what comes back from their ids. answers.png: drawn pictures, questions about them and
 * the VLM's answers. generation.png: the generator's first picture for each prompt, with seed 1; none is picked by hand.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { loadGenerator } from "../adapters/generation/index.ts";
import { loadVlm } from "../adapters/llama-cpp/index.ts";
import { listImages, pairsPicture } from "../sdk/evaluation/index.ts";
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

/** A picture as easy-VQA draws them: 64 px, one shape. */
async function drawn(shape: string): Promise<RgbImage> {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64">${shape}</svg>`;
  return readImage(await sharp(Buffer.from(svg)).png().toBuffer());
}

async function answers(): Promise<Uint8Array> {
  const blueCircle = await readImage(join(examples, "blue-circle.png"));
  const redTriangle = await drawn(
    '<rect width="64" height="64" fill="#f5f0e0"/><path d="M20 46 L48 42 L30 18 z" fill="#ff0000"/>',
  );
  const tealRectangle = await drawn(
    '<rect width="64" height="64" fill="#e6f0f2"/><rect x="14" y="22" width="28" height="17" fill="#008080"/>',
  );
  const asked: readonly (readonly [RgbImage, readonly string[]])[] = [
    [blueCircle, ["what shape is in the image?", "is there a red shape?"]],
    [redTriangle, ["what color is the triangle?", "what is in the image?"]],
    [tealRectangle, ["does the image contain a rectangle?", "what color is the shape?"]],
  ];
  const vlm = await loadVlm("default", { gpu: false });
  const cells = [];
  for (const [image, questions] of asked) {
    const lines = [];
    for (const question of questions) {
      lines.push({ text: question }, { text: await vlm.ask(image, question), bold: true });
    }
    cells.push({ image, lines });
  }
  await vlm.dispose();
  return captionedPicture(cells, CELL);
}

const PROMPTS = ["a red triangle", "a small blue circle", "a large green square", "a photo of a sunflower"];

async function generation(): Promise<Uint8Array> {
  const generator = await loadGenerator("default", { gpu: false });
  const cells = [];
  for (const prompt of PROMPTS) {
    const [made] = await generator.generateImages(prompt, { seed: 1 });
    cells.push({ image: enlarge(made!.image), lines: [{ text: prompt }] });
  }
  await generator.dispose();
  return captionedPicture(cells, CELL);
}

for (const [name, make] of Object.entries({ reconstruction, answers, generation })) {
  await writeFile(join(folder, `${name}.png`), await make());
  console.log(`${join(folder, name)}.png`);
}
