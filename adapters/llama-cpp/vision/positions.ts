/** Grids one after the other in time; a still image is one, at 0. */
interface Places {
  readonly grid: { readonly rows: number; readonly columns: number };
  readonly times: readonly number[];
}

/**
 * Positions of a whole image or video in a model with several axes, as Qwen2-VL counts them (transformers,
 * `get_rope_index`): its time for each grid, and rows and columns from the same start.
 * @returns [4, times * rows * columns]: t, y, x and one unused
 */
export function gridPositions(start: number, { grid: { rows, columns }, times }: Places): Int32Array {
  const cells = rows * columns;
  const count = times.length * cells;
  const positions = new Int32Array(4 * count);
  for (let i = 0; i < count; i++) {
    const cell = i % cells;
    positions[i] = start + (times[Math.floor(i / cells)] ?? 0);
    positions[count + i] = start + Math.floor(cell / columns);
    positions[2 * count + i] = start + (cell % columns);
  }
  return positions;
}

/** Positions that these take: text goes on behind the last one of any axis, as in Qwen's own code (transformers 4). */
export const gridLength = ({ grid: { rows, columns }, times }: Places): number =>
  Math.max(rows, columns, (times.at(-1) ?? 0) + 1);

/** Positions of `count` embeddings one after the other. @returns [count] */
export const linePositions = (start: number, count: number): Int32Array =>
  Int32Array.from({ length: count }, (_, i) => start + i);
