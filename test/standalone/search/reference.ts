/** Every float32 is an integer multiple of 2^-149. */
const integer = (x: number): bigint => BigInt(x * 2 ** 149);

/** The row of `codes` with the largest dot product with each row of `vectors`, of equal ones the lowest, in integers. */
export function largestProductReference(vectors: Float32Array, codes: Float32Array, dim: number): Int32Array {
  const rows = Array.from({ length: codes.length / dim }, (_, k) =>
    Array.from(codes.subarray(k * dim, (k + 1) * dim), integer),
  );
  return Int32Array.from({ length: vectors.length / dim }, (_, t) => {
    const z = Array.from(vectors.subarray(t * dim, (t + 1) * dim), integer);
    const products = rows.map((row) => row.reduce((sum, e, i) => sum + e * z[i]!, 0n));
    return products.reduce((best, product, k) => (product > products[best]! ? k : best), 0);
  });
}

/** The nearest row of `codes` to each row of `vectors`, of equal ones the lowest: float64 finds the few that compete, integers decide. */
export function nearestReference(vectors: Float32Array, codes: Float32Array, dim: number): Int32Array {
  const size = codes.length / dim;
  return Int32Array.from({ length: vectors.length / dim }, (_, t) => {
    const z = vectors.subarray(t * dim, (t + 1) * dim);
    const row = (k: number) => codes.subarray(k * dim, (k + 1) * dim);
    const distances = Float64Array.from({ length: size }, (_, k) => {
      let sum = 0;
      const e = row(k);
      for (let i = 0; i < dim; i++) sum += (z[i]! - e[i]!) ** 2;
      return sum;
    });
    const limit = distances.reduce((a, b) => Math.min(a, b)) * (1 + 1e-9);
    const competing = [...distances.keys()].filter((k) => distances[k]! <= limit);
    if (competing.length === 1) return competing[0]!;
    const exact = competing.map((k) => {
      let sum = 0n;
      for (const [i, e] of row(k).entries()) sum += (integer(e) - integer(z[i]!)) ** 2n;
      return sum;
    });
    return competing[exact.reduce((best, d, i) => (d < exact[best]! ? i : best), 0)]!;
  });
}
