import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { decodedScale } from "../../../sdk/image/decoded-scale.ts";
import { prepareViews } from "../../../sdk/image/prepare-views.ts";
import { readScaled } from "../../../sdk/image/read/read-pixels.ts";
import type { NativePlan, SquarePlan, ViewPlan } from "../../../sdk/image/view-plan.ts";
import { VQRAE } from "../../../sdk/index.ts";

const examples = fileURLToPath(new URL("../../../examples/images", import.meta.url));
const half = [0.5, 0.5, 0.5] as const;
const square: SquarePlan = {
  geometry: "crop",
  size: 224,
  resizeTo: 224,
  resample: "bicubic",
  mean: half,
  std: half,
  background: null,
  tiling: null,
};
const dynamic: SquarePlan = { ...square, tiling: { kind: "dynamic", min: 1, max: 6, thumbnail: true } };
const native: NativePlan = {
  geometry: "native",
  patchSize: 16,
  maxPatches: 256,
  resample: "bicubic",
  mean: half,
  std: half,
  pixels: null,
  tiles: null,
};

/** A photo of 12 megapixels, in the given orientation of EXIF. */
async function photo(orientation = 1): Promise<Buffer> {
  const image = sharp(join(examples, "coffee.jpg")).resize(4032, 3024, { fit: "fill" });
  return image.jpeg().withMetadata({ orientation }).toBuffer();
}

const distance = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0) / a.length;

describe("how much smaller a photo is decoded", () => {
  const sides = (width: number, height: number) => ({ width, height });

  test.each<[string, ViewPlan, number]>([
    ["a square of 224", square, 5],
    ["a stretched square of 448", { ...square, geometry: "stretch", size: 448, resizeTo: 448 }, 3],
    ["tiles of InternVL", { ...dynamic, size: 448 }, 1],
    ["fewer of them", { ...dynamic, tiling: { kind: "dynamic", min: 1, max: 2, thumbnail: true } }, 5],
    ["whole patches", native, 5],
    ["a padded square", { ...square, background: [0, 0, 0] }, 1],
    ["a centre square of papers", { ...square, centre: "adm" }, 1],
    ["tiles of another rule", { ...square, tiling: { kind: "anyres", pinpoints: [[448, 448]] } }, 1],
  ])("%s", (_, plan, scale) => {
    expect(decodedScale(sides(4032, 3024), plan)).toBe(scale);
  });

  test("never so much that less than twice the view is left", () => {
    for (let side = 100; side < 6000; side += 37) {
      const scale = decodedScale(sides(side, side + 50), square);
      expect(scale === 1 || side / scale >= 448).toBe(true);
    }
  });
});

test("tiles, size and orientation are those of the whole photo, and the pixels nearly", async () => {
  for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8]) {
    const bytes = await photo(orientation);
    const exact = await readScaled(bytes, undefined, () => 1);
    for (const plan of [square, native, { ...dynamic, size: 112, resizeTo: 112 }]) {
      const scaled = await readScaled(bytes, undefined, (full) => decodedScale(full, plan));
      expect(scaled.full).toMatchObject({ width: exact.image.width, height: exact.image.height });
      expect(scaled.image.width).toBeLessThan(exact.image.width / 2);
      const [wanted, found] = [exact, scaled].map(({ image, full }) => prepareViews(image, plan, full));
      expect(found).toMatchObject({ width: wanted!.width, height: wanted!.height });
      expect(found!.views.map(({ tile }) => tile)).toEqual(wanted!.views.map(({ tile }) => tile));
      for (const [i, { image }] of found!.views.entries()) {
        expect(distance(image.data, wanted!.views[i]!.image.data)).toBeLessThan(1);
      }
    }
  }
}, 120_000);

test("PNG, CMYK and raw pixels are read whole", async () => {
  const large = sharp(join(examples, "coffee.jpg")).resize(2000, 1500, { fit: "fill" });
  const files = [await large.clone().png().toBuffer(), await large.clone().toColourspace("cmyk").jpeg().toBuffer()];
  const raw = { data: new Uint8Array(2000 * 1500 * 3), width: 2000, height: 1500 };
  for (const input of [...files, raw]) {
    const { image } = await readScaled(input, undefined, () => 5);
    expect(image).toMatchObject({ width: 2000, height: 1500 });
  }
});

test("a damaged photo is refused, and a large one by its header", async () => {
  const bytes = await photo();
  await expect(readScaled(bytes.subarray(0, bytes.length / 2), undefined, () => 5)).rejects.toMatchObject({
    code: "INVALID_IMAGE",
  });
  await expect(readScaled(bytes, 1_000_000, () => 5)).rejects.toMatchObject({ code: "IMAGE_TOO_LARGE" });
});

test('the option "scaled" gives nearly the features of "exact", and equal ones of small photos', async () => {
  const load = (decoding: "exact" | "scaled") => VQRAE.load("deit-tiny", { device: "cpu", decoding });
  await using exact = await load("exact");
  await using scaled = await load("scaled");
  const small = await readFile(join(examples, "cat.jpg"));
  expect((await scaled.encode(small)).features).toEqual((await exact.encode(small)).features);
  const large = await photo();
  const [wanted, found] = [(await exact.encode(large)).features, (await scaled.encode(large)).features];
  const product = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  const cosine = product(wanted, found) / Math.sqrt(product(wanted, wanted) * product(found, found));
  expect(cosine).toBeGreaterThan(0.99);
  expect(cosine).toBeLessThan(1);
  await expect(VQRAE.load("deit-tiny", { decoding: "fast" as "exact" })).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
  });
}, 60_000);
