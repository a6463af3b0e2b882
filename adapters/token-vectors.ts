/** The sum of an image's tokens, in float64: features [tokens, dim] -> [dim] */
export function sumOfTokens(features: ArrayLike<number>, dim: number): Float64Array {
  const sum = new Float64Array(dim);
  for (let i = 0; i < features.length; i++) sum[i % dim] = (sum[i % dim] ?? 0) + (features[i] ?? 0);
  return sum;
}

/** A vector at length 1, in float64: dot products are cosines. Zeros stay. */
export function unitLength(vector: ArrayLike<number>): Float64Array {
  const numbers = Float64Array.from(vector);
  const length = Math.hypot(...numbers) || 1;
  return numbers.map((value) => value / length);
}

/** Copies `parts`, one after the other, into `target`. */
export function fill<A extends Int32Array | Float32Array>(target: A, parts: readonly A[]): A {
  let offset = 0;
  for (const part of parts) {
    target.set(part, offset);
    offset += part.length;
  }
  return target;
}
