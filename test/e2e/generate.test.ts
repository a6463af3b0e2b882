import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ImageGenerator, loadGenerator } from "../../adapters/generation/index.ts";
import { type RgbImage, readImage } from "../../sdk/index.ts";
import { inFolder, runCli } from "../standalone/cli/run-cli.ts";

/** The generator that ships, with the default tokenizer. */
const llm = fileURLToPath(new URL("../../models/vqrae-tiny-generator/llm.gguf", import.meta.url));
let generator: ImageGenerator;
beforeAll(async () => {
  expect(existsSync(llm)).toBe(true);
  generator = await loadGenerator("default", { gpu: false });
});
afterAll(() => generator?.dispose());

/** The mean colour of the pixels that are least like the image's border. */
function shapeColour({ data, width, height }: RgbImage): [number, number, number] {
  const pixel = (x: number, y: number) => [0, 1, 2].map((c) => data[(y * width + x) * 3 + c]!);
  const border = [...Array(width).keys()].flatMap((i) => [pixel(i, 1), pixel(i, height - 2)]);
  const mean = [0, 1, 2].map((c) => border.reduce((sum, own) => sum + own[c]!, 0) / border.length);
  const pixels = Array.from({ length: width * height }, (_, i) => pixel(i % width, Math.floor(i / width)));
  const distance = (own: number[]) => Math.hypot(...own.map((value, c) => value - mean[c]!));
  const furthest = pixels.sort((a, b) => distance(b) - distance(a)).slice(0, 100);
  return [0, 1, 2].map((c) => furthest.reduce((sum, own) => sum + own[c]!, 0) / 100) as [number, number, number];
}

describe("the generator that ships", () => {
  // Its card: the right colour in all of the drawings. By chance the largest channel is right in a third.
  test("the words decide the colour", { timeout: 300_000 }, async () => {
    const channels = { red: 0, green: 1, blue: 2 };
    let right = 0;
    for (const [colour, channel] of Object.entries(channels)) {
      const images = await generator.generateImages(`a ${colour} circle`, { n: 4, seed: 1 });
      right += images.filter(({ image }) => {
        const found = shapeColour(image);
        return found.indexOf(Math.max(...found)) === channel;
      }).length;
    }
    expect(right).toBeGreaterThanOrEqual(11);
  });

  test("vqrae generate writes a PNG offline", { timeout: 300_000 }, () =>
    inFolder(async (folder) => {
      const out = join(folder, "out.png");
      const { code, stdout } = await runCli("generate", "a red triangle", "-o", out, "--seed", "1", "--gpu", "off");
      expect([code, stdout]).toEqual([0, `${out}: 112 x 112 pixels, seed 1\n`]);
      const { width, height, data } = await readImage(out);
      const [again] = await generator.generateImages("a red triangle", { seed: 1 });
      expect([width, height]).toEqual([112, 112]);
      expect(Buffer.from(data).equals(Buffer.from(again!.image.data))).toBe(true);
    }),
  );
});
