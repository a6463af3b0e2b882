import type { RgbImage } from "../../sdk/index.ts";

/** Pairs of equal-sized images in a grid: a row of firsts above a row of seconds, `columns` pairs a row, 4 px apart. */
export function pairsPicture(pairs: readonly (readonly [RgbImage, RgbImage])[], columns: number): RgbImage {
  const gap = 4;
  const [{ width: w, height: h }] = pairs[0]!;
  const rows = Math.ceil(pairs.length / columns) * 2;
  const width = Math.min(columns, pairs.length) * (w + gap) - gap;
  const height = rows * (h + gap) - gap;
  const data = new Uint8Array(width * height * 3).fill(255);
  for (const [i, pair] of pairs.entries()) {
    for (const [j, image] of pair.entries()) {
      const left = (i % columns) * (w + gap);
      const top = (Math.floor(i / columns) * 2 + j) * (h + gap);
      for (let y = 0; y < h; y++) {
        data.set(image.data.subarray(y * w * 3, (y + 1) * w * 3), ((top + y) * width + left) * 3);
      }
    }
  }
  return { data, width, height };
}
