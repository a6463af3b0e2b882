/** One channel as floats: data [height, width]. */
import type { RgbImage } from "../contract/image.ts";
export interface Plane {
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

/** The weighted mean at every place where the window (weights ⊗ weights) fits: [height - k + 1, width - k + 1]. */
export function slide(plane: Plane, weights: Float64Array): Plane {
  const width = plane.width - weights.length + 1;
  const height = plane.height - weights.length + 1;
  const rows = new Float64Array(plane.height * width);
  for (let y = 0; y < plane.height; y++) {
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k]! * plane.data[y * plane.width + x + k]!;
      rows[y * width + x] = sum;
    }
  }
  const data = new Float64Array(height * width);
  for (let i = 0; i < data.length; i++) {
    let sum = 0;
    for (let k = 0; k < weights.length; k++) sum += weights[k]! * rows[i + k * width]!;
    data[i] = sum;
  }
  return { data, width, height };
}

function reflect(index: number, length: number): number {
  if (index < 0) return -index;
  return index < length ? index : 2 * (length - 1) - index;
}
