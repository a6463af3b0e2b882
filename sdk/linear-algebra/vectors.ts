/**
 * Arithmetic on vectors of float64. Sums run in the order of the elements, so that results do not depend on the machine.
 * Vectors are Float64Array everywhere, and a loop's length is read once: both keep these loops fast.
 */

/**
 * Entry `i` of a vector, for places where a loop's index is computed.
 * @throws RangeError where there is no such entry, which is a mistake in the caller's code
 */
export function entry(vector: Float64Array, i: number): number {
  const value = vector[i];
  if (value === undefined) throw new RangeError(`Expected an index from 0 to ${vector.length - 1} but received ${i}`);
  return value;
}

/** a · b, of the entries from `start` on. */
export function dot(a: Float64Array, b: Float64Array, start = 0): number {
  const { length } = a;
  let sum = 0;
  let i = start;
  for (; i + 1 < length; i += 2) {
    sum += a[i]! * b[i]!;
    sum += a[i + 1]! * b[i + 1]!;
  }
  if (i < length) sum += a[i]! * b[i]!;
  return sum;
}

/** |a|² */
export function squaredLength(a: Float64Array): number {
  return a.reduce((sum, value) => sum + value * value, 0);
}

/** |a - b|² */
export function squaredDistance(a: Float64Array, b: Float64Array): number {
  const { length } = a;
  let sum = 0;
  let i = 0;
  for (; i + 1 < length; i += 2) {
    const even = a[i]! - b[i]!;
    const odd = a[i + 1]! - b[i + 1]!;
    sum += even * even;
    sum += odd * odd;
  }
  if (i === length) return sum;
  const last = a[i]! - b[i]!;
  return sum + last * last;
}

/** target += scale * a, in the entries from `start` on. */
export function addScaled(target: Float64Array, scale: number, a: Float64Array, start = 0): void {
  const { length } = target;
  let i = start;
  for (; i + 1 < length; i += 2) {
    target[i]! += scale * a[i]!;
    target[i + 1]! += scale * a[i + 1]!;
  }
  if (i < length) target[i]! += scale * a[i]!;
}

/** target += a / count: one of `count` vectors goes into their mean. */
export function addShare(target: Float64Array, a: Float64Array, count: number): void {
  const { length } = target;
  let i = 0;
  for (; i + 1 < length; i += 2) {
    target[i]! += a[i]! / count;
    target[i + 1]! += a[i + 1]! / count;
  }
  if (i < length) target[i]! += a[i]! / count;
}

/** target /= divisor */
export function divide(target: Float64Array, divisor: number): void {
  const { length } = target;
  for (let i = 0; i < length; i++) target[i]! /= divisor;
}

/** a + scale * b, as a new vector. */
export function plusScaled(a: Float64Array, scale: number, b: Float64Array): Float64Array {
  const sum = a.slice();
  addScaled(sum, scale, b);
  return sum;
}
