/**
 * Positions of a whole image in a model with several axes, as Qwen2-VL counts them (transformers, `get_rope_index`):
 * one time for all, rows and columns from the same start. @returns [4, rows * columns]: t, y, x and one unused
 */
export function gridPositions(start: number, { rows, columns }: { rows: number; columns: number }): Int32Array {
  const count = rows * columns;
  const positions = new Int32Array(4 * count);
  for (let i = 0; i < count; i++) {
    positions[i] = start;
    positions[count + i] = start + Math.floor(i / columns);
    positions[2 * count + i] = start + (i % columns);
  }
  return positions;
}

/** Positions of `count` embeddings one after the other. @returns [count] */
export const linePositions = (start: number, count: number): Int32Array =>
  Int32Array.from({ length: count }, (_, i) => start + i);
