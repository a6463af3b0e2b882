/**
 * Makes the README's picture from the shipped model: the example photos above what comes back from their ids.
 *
 *   node scripts/readme-picture.ts docs/images/reconstruction.png
 */
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { resize } from "../sdk/image/resize.ts";
import { encodePng, type RgbImage, VQRAE } from "../sdk/index.ts";
import { listImages } from "./lib/list-images.ts";
import { pairsPicture } from "./lib/pairs-picture.ts";

const SCALE = 2; // one pixel of the model's is small on today's screens

const [output] = process.argv.slice(2);
if (!output) throw new Error("Expected the PNG file to write.");
const photos = await listImages(fileURLToPath(new URL("../examples/images", import.meta.url)));

const enlarge = (image: RgbImage) => resize(image, image.width * SCALE, image.height * SCALE, "bicubic");
const tokenizer = await VQRAE.load("default");
const pairs: [RgbImage, RgbImage][] = [];
for (const { path } of photos) {
  const { ids } = await tokenizer.encode(path, { features: false });
  pairs.push([enlarge(await tokenizer.reconstructionTarget(path)), enlarge(await tokenizer.decode(ids!))]);
}
await tokenizer.dispose();
await writeFile(output, await encodePng(pairsPicture(pairs, pairs.length)));
console.log(`${output}: ${photos.length} photos, originals above`);
