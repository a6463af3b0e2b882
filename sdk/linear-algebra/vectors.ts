/**
 * Arithmetic on vectors of float64. Sums run in the order of the elements, so that results do not depend on the machine.
 * Vectors are Float64Array everywhere: one type keeps these loops fast.
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
  let sum = 0;
  for (let i = start; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** |a|² */
export function squaredLength(a: Float64Array): number {
  return a.reduce((sum, value) => sum + value * value, 0);
}

/** |a - b|² */
export function squaredDistance(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = a[i]! - b[i]!;
    sum += difference * difference;
  }
  return sum;
}

/** target += scale * a, in the entries from `start` on. */
export function addScaled(target: Float64Array, scale: number, a: Float64Array, start = 0): void {
  for (let i = start; i < target.length; i++) target[i]! += scale * a[i]!;
}

/** target += a / count: one of `count` vectors goes into their mean. */
export function addShare(target: Float64Array, a: Float64Array, count: number): void {
  for (let i = 0; i < target.length; i++) target[i]! += a[i]! / count;
}

/** target /= divisor */
export function divide(target: Float64Array, divisor: number): void {
  for (let i = 0; i < target.length; i++) target[i]! /= divisor;
}

/** a + scale * b, as a new vector. */
export function plusScaled(a: Float64Array, scale: number, b: Float64Array): Float64Array {
  const sum = a.slice();
  addScaled(sum, scale, b);
  return sum;
}
