import type { GraphBuilder, Value } from "../onnx/graph-builder.ts";
import { DataType } from "../onnx/onnx-proto.ts";

/** How the tokens of one image, in raster order, are cut into windows of side x side. Those at the edge are padded. */
export interface Windows {
  readonly side: number;
  /** int64 [1] each: rows and columns of tokens, and of windows. */
  readonly rows: Value;
  readonly columns: Value;
  readonly down: Value;
  readonly across: Value;
  /** int32 [windows, side * side]: 1 where there is a token. */
  readonly mask: Value;
}

/** @param grid int64 [2], rows and columns */
export function windows(g: GraphBuilder, grid: Value, side: number): Windows {
  const [rows, columns] = [g.slice(grid, 0, 0, 1), g.slice(grid, 0, 1, 2)];
  const count = (tokens: Value) => g.divide(g.add(tokens, g.ints([side - 1])), g.ints([side]));
  const shape = { side, rows, columns, down: count(rows), across: count(columns) };
  const ones = g.node("Expand", [g.floats([1], [1, 1]), g.concat([g.multiply(rows, columns), g.ints([1])], 0)]);
  const mask = g.reshape(toWindows(g, ones, { ...shape, mask: "" }, 1), [-1, side * side]);
  return { ...shape, mask: g.cast(mask, DataType.int32) };
}

/** x [tokens, width] -> [windows, side * side, width], zeros where a window reaches over the edge. */
export function toWindows(
  g: GraphBuilder,
  x: Value,
  { side, rows, columns, down, across }: Windows,
  width: number,
): Value {
  const edge = (count: Value, tokens: Value) => g.subtract(g.multiply(count, g.ints([side])), tokens);
  const image = g.reshapeTo(x, g.concat([rows, columns, g.ints([width])], 0)); //       [R, C, width]
  const pads = g.concat([g.ints([0, 0, 0]), edge(down, rows), edge(across, columns), g.ints([0])], 0);
  const padded = g.node("Pad", [image, pads]);
  const cut = g.concat([down, g.ints([side]), across, g.ints([side, width])], 0);
  const placed = g.transpose(g.reshapeTo(padded, cut), [0, 2, 1, 3, 4]); //             [down, across, side, side, width]
  return g.reshape(placed, [-1, side * side, width]);
}

/** The way back: [windows, side * side, width] -> [tokens, width]. */
export function fromWindows(g: GraphBuilder, x: Value, window: Windows, width: number): Value {
  const { side, rows, columns, down, across } = window;
  const cut = g.reshapeTo(x, g.concat([down, across, g.ints([side, side, width])], 0));
  const placed = g.transpose(cut, [0, 2, 1, 3, 4]); //                                  [down, side, across, side, width]
  const whole = g.concat([g.multiply(down, g.ints([side])), g.multiply(across, g.ints([side])), g.ints([width])], 0);
  const padded = g.reshapeTo(placed, whole);
  const ends = g.concat([rows, columns], 0);
  return g.reshape(g.node("Slice", [padded, g.ints([0, 0]), ends, g.ints([0, 1])]), [-1, width]);
}
