/** Of each row of a [n, dim] with that of b. */
export function cosines(a: Float32Array, b: Float32Array, dim: number): number[] {
  return Array.from({ length: a.length / dim }, (_, token) => {
    let [ab, aa, bb] = [0, 0, 0];
    for (let i = token * dim; i < (token + 1) * dim; i++) {
      ab += a[i]! * b[i]!;
      aa += a[i]! ** 2;
      bb += b[i]! ** 2;
    }
    return ab / Math.sqrt(aa * bb);
  });
}
