import type { RgbImage } from "../../contract/image.ts";
import { type Coefficients, PRECISION_BITS, sourceRange, windowEnd, windowStart } from "./coefficients.ts";

/** One half in fixed point: added before the shift, it rounds. */
const HALF = 2 ** (PRECISION_BITS - 1);

/**
 * Resizes in plain JavaScript: every source row is resized horizontally to 8 bits, as Pillow does between its passes,
 * then added to the output rows whose windows hold it. Writes [vertical.count, horizontal.count, 3] to `output`.
 */
export function resampleJs(
  image: RgbImage,
  horizontal: Coefficients,
  vertical: Coefficients,
  output: Uint8Array,
): boolean {
  const stride = horizontal.count * 3;
  const sums = new Int32Array(vertical.count * stride).fill(HALF);
  const row = new Uint8ClampedArray(stride);
  const { first, end } = sourceRange(vertical);
  let oldest = 0;
  for (let y = first; y < end; y++) {
    resampleRow(image, y, horizontal, row);
    while (windowEnd(vertical, oldest) <= y) oldest++;
    for (let i = oldest; i < vertical.count; i++) {
      const start = windowStart(vertical, i);
      if (start > y) break;
      const weight = vertical.weights[i * vertical.taps + y - start]!;
      const base = i * stride;
      for (let x = 0; x < stride; x++) sums[base + x]! += Math.imul(row[x]!, weight);
    }
  }
  for (let i = 0; i < sums.length; i++) output[i] = Math.min(255, Math.max(0, sums[i]! >> PRECISION_BITS));
  return true;
}

function resampleRow({ data, width }: RgbImage, y: number, horizontal: Coefficients, row: Uint8ClampedArray): void {
  const { count, bounds, weights, taps } = horizontal;
  for (let i = 0; i < count; i++) {
    let pixel = (y * width + bounds[i * 2]!) * 3;
    const firstWeight = i * taps;
    const endWeight = firstWeight + bounds[i * 2 + 1]!;
    let red = HALF;
    let green = HALF;
    let blue = HALF;
    for (let k = firstWeight; k < endWeight; k++, pixel += 3) {
      const weight = weights[k]!;
      red = (red + Math.imul(data[pixel]!, weight)) | 0;
      green = (green + Math.imul(data[pixel + 1]!, weight)) | 0;
      blue = (blue + Math.imul(data[pixel + 2]!, weight)) | 0;
    }
    row[i * 3] = red >> PRECISION_BITS;
    row[i * 3 + 1] = green >> PRECISION_BITS;
    row[i * 3 + 2] = blue >> PRECISION_BITS;
  }
}
