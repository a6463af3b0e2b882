import type { RgbImage } from "../contract/image.ts";
import { addScaled } from "../linear-algebra/vectors.ts";

/** One channel as floats. */
export interface Plane {
  /** [height, width] */
  readonly data: Float64Array;
  readonly width: number;
  readonly height: number;
}

/** Channel 0, 1 or 2 of an RGB image, values 0 to 255. */
export function channelOf(image: RgbImage, channel: number): Plane {
  const data = new Float64Array(image.width * image.height);
  for (let i = 0; i < data.length; i++) data[i] = image.data[3 * i + channel]!;
  return { data, width: image.width, height: image.height };
}

/** The elementwise product of two planes of one size. */
export function multiply(a: Plane, b: Plane): Plane {
  return { ...a, data: a.data.map((value, i) => value * b.data[i]!) };
}

/** Mirrors `size` pixels at each side without repeating the edge, as torch's reflect mode: [2 1 | 0 1 2 | 1 0]. */
export function padReflect(plane: Plane, size: number): Plane {
  const width = plane.width + 2 * size;
  const height = plane.height + 2 * size;
  const data = new Float64Array(width * height);
  for (let y = 0; y < height; y++) {
    const row = reflect(y - size, plane.height) * plane.width;
    for (let x = 0; x < width; x++) data[y * width + x] = plane.data[row + reflect(x - size, plane.width)]!;
  }
  return { data, width, height };
}

/** Sums are made in blocks of so many, which stay in the processor's cache. */
const BLOCK = 4096;

/** The weighted mean at every place where the window (weights ⊗ weights) fits: [height - k + 1, width - k + 1]. */
export function slide(plane: Plane, weights: Float64Array): Plane {
  const width = plane.width - weights.length + 1;
  const height = plane.height - weights.length + 1;
  // The last k - 1 sums of a row run over into the next one, and are left out at the end.
  const sums = weightedSums(weightedSums(plane.data, weights, 1), weights, plane.width);
  const data = new Float64Array(height * width);
  for (let y = 0; y < height; y++) data.set(sums.subarray(y * plane.width, y * plane.width + width), y * width);
  return { data, width, height };
}

/** result[i] = weights[0] * data[i] + weights[1] * data[i + step] + ... */
function weightedSums(data: Float64Array, weights: Float64Array, step: number): Float64Array {
  const result = new Float64Array(data.length - (weights.length - 1) * step);
  for (let start = 0; start < result.length; start += BLOCK) {
    const block = result.subarray(start, start + BLOCK);
    weights.forEach((weight, k) => {
      addScaled(block, weight, data.subarray(start + k * step));
    });
  }
  return result;
}

function reflect(index: number, length: number): number {
  if (index < 0) return -index;
  return index < length ? index : 2 * (length - 1) - index;
}
