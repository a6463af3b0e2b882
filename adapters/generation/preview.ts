/**
 * A whole image of ids of which only the first `rows` rows are there. The last of them is repeated below, which carries
 * on the colours at the lower edge.
 */
export function fillRows(ids: Int32Array, rows: number, columns: number): Int32Array {
  const filled = ids.slice();
  const last = filled.subarray((rows - 1) * columns, rows * columns);
  for (let at = rows * columns; at < filled.length; at += columns) filled.set(last, at);
  return filled;
}
