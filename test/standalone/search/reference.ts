/** Every float32 is an integer multiple of 2^-149. */
const integer = (x: number): bigint => BigInt(x * 2 ** 149);

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
