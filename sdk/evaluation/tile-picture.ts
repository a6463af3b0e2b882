import type { RgbImage } from "../contract/image.ts";
import { expectedBut } from "../errors.ts";

/**
 * Rows of images of one size on white, `gap` pixels apart. Rows may have different lengths.
 * @throws INVALID_ARGUMENT for no image, or images of different sizes
 */
export function tilePicture(rows: readonly (readonly RgbImage[])[], gap = 4): RgbImage {
  const first = rows[0]?.[0];
  if (!first) throw expectedBut("INVALID_ARGUMENT", "at least one image", "a picture", "none");
  const { width: w, height: h } = first;
  const width = Math.max(...rows.map((row) => row.length)) * (w + gap) - gap;
  const height = rows.length * (h + gap) - gap;
  const data = new Uint8Array(width * height * 3).fill(255);
  for (const [r, row] of rows.entries()) {
    for (const [c, image] of row.entries()) {
      if (image.width !== w || image.height !== h) {
        const received = `${image.width} x ${image.height}`;
        throw expectedBut("INVALID_ARGUMENT", `${w} x ${h} pixels`, `image ${c} of row ${r}`, received);
      }
      const at = r * (h + gap) * width + c * (w + gap);
      for (let y = 0; y < h; y++) data.set(image.data.subarray(y * w * 3, (y + 1) * w * 3), (at + y * width) * 3);
    }
  }
  return { data, width, height };
}

/**
 * Pairs in a grid, `columns` pairs a row: a row of firsts above a row of seconds.
 * @throws as `tilePicture`
 */
export function pairsPicture(pairs: readonly (readonly [RgbImage, RgbImage])[], columns: number): RgbImage {
  const rows: RgbImage[][] = [];
  for (let start = 0; start < pairs.length; start += columns) {
    const part = pairs.slice(start, start + columns);
    rows.push(
      part.map(([first]) => first),
      part.map(([, second]) => second),
    );
  }
  return tilePicture(rows);
}
