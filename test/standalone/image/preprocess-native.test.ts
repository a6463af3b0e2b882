import { expect, it } from "vitest";
import { VqraeError } from "../../../sdk/errors.ts";
import { preprocess } from "../../../sdk/image/preprocess.ts";
import { views } from "../../../sdk/image/views.ts";
import { picture } from "../runtime/fixtures/tiny.ts";

const half = [0.5, 0.5, 0.5] as const;
const tiles = { size: 16, above: 512, min: 2, max: 6, thumbnail: true };
const pixels = { factor: 8, minPixels: 64, maxPixels: 256 };
const spec = {
  geometry: "native",
  patchSize: 4,
  maxPatches: 16,
  resample: "bilinear",
  mean: half,
  std: half,
  pixels,
  tiles,
} as const;

it("a range of pixels: what encode sees is the last view", () => {
  const image = picture(40, 30);
  const seen = views(image, spec);
  expect(seen.map(({ tile }) => tile)).toEqual([
    { row: 0, column: 0 },
    { row: 0, column: 1 },
    { row: 0, column: 2 },
    { row: 1, column: 0 },
    { row: 1, column: 1 },
    { row: 1, column: 2 },
    null,
  ]);
  expect(seen.at(-1)!.image).toEqual(preprocess(image, spec));
  const small = views(picture(20, 10), spec);
  expect(small.map(({ image: { width, height }, tile }) => [width, height, tile])).toEqual([[16, 8, null]]);
});

it("a strip that no range holds is INVALID_IMAGE, not millions of patches", () => {
  for (const see of [views, preprocess]) {
    const thrown = (() => {
      try {
        return see({ data: new Uint8Array(3_000_000), width: 1_000_000, height: 1 }, spec);
      } catch (error) {
        return error;
      }
    })();
    expect(VqraeError.isInstance(thrown) && thrown.code).toBe("INVALID_IMAGE");
    expect(String(thrown)).toContain("Expected sides of which 16 patches keep the ratio for an image");
  }
});
