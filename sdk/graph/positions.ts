import type { AnyLinearRef, EncoderSpec } from "../checkpoint/checkpoint.ts";
import type { GraphBuilder, Value } from "./graph-builder.ts";

/**
 * The positions of class token and patches, [tokens, D]. Where the encoder's grid is another than the one they were
 * trained on, the patches' rows are resized as a picture is (transformers' `interpolate_pos_encoding`).
 */
export function positions(
  g: GraphBuilder,
  { positions, grid, hiddenSize: d, classToken }: EncoderSpec<AnyLinearRef>,
): Value {
  const first = classToken ? 1 : 0;
  const trained = first + positions.grid ** 2;
  const table = g.weight(positions.table, [trained, d]);
  if (grid === positions.grid) return table;

  let x = first === 0 ? table : g.slice(table, 0, first, trained); //           [G0 * G0, D]
  x = g.reshape(x, [1, positions.grid, positions.grid, d]);
  x = g.bicubic(g.transpose(x, [0, 3, 1, 2]), d, grid, positions.antialias); // [1, D, G, G]
  x = g.reshape(g.transpose(x, [0, 2, 3, 1]), [grid * grid, d]); //             [G * G, D]
  return first === 0 ? x : g.concat([g.slice(table, 0, 0, first), x], 0);
}
