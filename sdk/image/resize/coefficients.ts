import type { Resample } from "../view-plan.ts";

/**
 * The weights of one axis of Pillow's separable, antialiased resize (`precompute_coeffs` and `normalize_coeffs_8bpc`
 * of src/libImaging/Resample.c): every output position is a weighted sum over a window of source positions.
 */
export interface Coefficients {
  /** How many output positions. */
  readonly count: number;
  /** [count, 2]: first source position of the window, then its length. Both ends never move backwards. */
  readonly bounds: Int32Array;
  /** [count, taps] in fixed point with `PRECISION_BITS` fractional bits. */
  readonly weights: Int32Array;
  /** Row length of `weights`: the longest possible window. */
  readonly taps: number;
}

/** Fractional bits of a weight: 32 less 8 for the pixel and 2 for the overshoot of negative lobes. */
export const PRECISION_BITS = 22;

interface Filter {
  /** Half the filter's width in source pixels when enlarging. */
  readonly support: number;
  readonly weight: (x: number) => number;
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));

const FILTERS: Readonly<Record<Resample, Filter>> = {
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, weight: cubic },
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/** Keys' cubic with a = -0.5, in Pillow's order of operations. */
function cubic(x: number): number {
  const distance = Math.abs(x);
  if (distance < 1) return (1.5 * distance - 2.5) * distance * distance + 1;
  if (distance < 2) return (((distance - 5) * distance + 8) * distance - 4) * -0.5;
  return 0;
}

/** The names of all filters. */
export const RESAMPLES: readonly Resample[] = ["box", "bilinear", "bicubic", "lanczos"];

/**
 * Coefficients of output positions [start, start + count) of an axis resized from `source` to `target` pixels.
 * Positions do not depend on each other, so a window gives exactly the pixels of a full resize that is then cropped.
 */
export function coefficients(
  source: number,
  target: number,
  resample: Resample,
  { start, count } = { start: 0, count: target },
): Coefficients {
  if (source === target) return identity(start, count);
  const filter = FILTERS[resample];
  const scale = source / target;
  const filterScale = Math.max(scale, 1);
  const support = filter.support * filterScale;
  const taps = Math.ceil(support) * 2 + 1;
  const bounds = new Int32Array(count * 2);
  const weights = new Int32Array(count * taps);
  const window = new Float64Array(taps);
  for (let i = 0; i < count; i++) {
    const centre = (start + i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const length = Math.min(source, Math.trunc(centre + support + 0.5)) - first;
    let sum = 0;
    for (let k = 0; k < length; k++) {
      // Pillow multiplies by the inverse; a division would differ in the last bit.
      const weight = filter.weight((k + first - centre + 0.5) * (1 / filterScale));
      window[k] = weight;
      sum += weight;
    }
    const divisor = sum === 0 ? 1 : sum;
    for (let k = 0; k < length; k++) weights[i * taps + k] = toFixedPoint(window[k]! / divisor);
    bounds[i * 2] = first;
    bounds[i * 2 + 1] = length;
  }
  return { count, bounds, weights, taps };
}

/** Pillow leaves an axis alone that keeps its size. */
function identity(start: number, count: number): Coefficients {
  const bounds = new Int32Array(count * 2);
  for (let i = 0; i < count; i++) {
    bounds[i * 2] = start + i;
    bounds[i * 2 + 1] = 1;
  }
  return { count, bounds, weights: new Int32Array(count).fill(2 ** PRECISION_BITS), taps: 1 };
}

/** Rounds half away from zero, as C's `(int)(±0.5 + x)`. */
function toFixedPoint(weight: number): number {
  return Math.trunc(weight * 2 ** PRECISION_BITS + (weight < 0 ? -0.5 : 0.5));
}

/** Rows [start, start + count) of `all`, as views. */
export function sliceCoefficients(all: Coefficients, start: number, count: number): Coefficients {
  return {
    count,
    bounds: all.bounds.subarray(start * 2, (start + count) * 2),
    weights: all.weights.subarray(start * all.taps, (start + count) * all.taps),
    taps: all.taps,
  };
}

/** The first source position of output position `i`'s window. */
export const windowStart = ({ bounds }: Coefficients, i: number): number => bounds[i * 2]!;

/** The source position after it. */
export const windowEnd = ({ bounds }: Coefficients, i: number): number => bounds[i * 2]! + bounds[i * 2 + 1]!;

/** The source positions that any window reads: [first, end). */
export function sourceRange(all: Coefficients): { first: number; end: number } {
  return { first: windowStart(all, 0), end: windowEnd(all, all.count - 1) };
}
