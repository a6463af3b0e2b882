/** The rows of [n, dim] that equal none before them, ascending. */
export function distinctRows(rows: Float32Array, dim: number): Int32Array {
  const bits = new Uint32Array(rows.buffer, rows.byteOffset, rows.length);
  const byHash = new Map<number, number[]>();
  const distinct: number[] = [];
  for (let row = 0; row < rows.length / dim; row++) {
    const at = row * dim;
    let hash = 0;
    for (let i = at; i < at + dim; i++) hash = Math.imul(hash ^ bits[i]!, 0x01000193); // FNV-1a, by words
    const alike = byHash.get(hash);
    if (alike?.some((other) => equalRows(bits, at, other * dim, dim))) continue;
    if (alike) alike.push(row);
    else byHash.set(hash, [row]);
    distinct.push(row);
  }
  return Int32Array.from(distinct);
}

function equalRows(bits: Uint32Array, a: number, b: number, dim: number): boolean {
  for (let i = 0; i < dim; i++) if (bits[a + i] !== bits[b + i]) return false;
  return true;
}
