import { present } from "../../errors.ts";
import type { GraphBuilder, Value } from "../onnx/graph-builder.ts";
import type { VitSpec } from "../vit/vit-spec.ts";
import { interpolate } from "./convolution.ts";

/**
 * The positions of class token and patches, [tokens, D]. Where the encoder's grid is another than the one they were
 * trained on, the patches' rows are resized as a picture is (transformers' `interpolate_pos_encoding`, Siglip2's
 * `resize_positional_embeddings`). `imageGrid`: int64 [rows R, columns C], where each image has a grid of its own.
 */
export function positions(
  g: GraphBuilder,
  { positions, grid, hiddenSize: d, classToken }: Pick<VitSpec, "positions" | "grid" | "hiddenSize" | "classToken">,
  imageGrid: Value | null,
): Value {
  const first = classToken ? 1 : 0;
  const trained = first + positions.grid ** 2;
  const stored = g.weight(positions.table, [trained, d]);
  const patches = trained - 1;
  const table = positions.classLast
    ? g.concat([g.slice(stored, 0, patches), g.slice(stored, 0, 0, patches)], 0)
    : stored;
  if (grid === positions.grid) {
    if (positions.buckets === null) return table;
    const { buckets } = positions;
    const rows = buckets.flatMap((row) => buckets.map((column) => first + row * positions.grid + column));
    const whole = first === 0 ? rows : [0, ...rows];
    return g.node("Gather", [table, g.ints(whole)], { axis: { int: 0 } }); //     [first + G * G, D]
  }

  const sizes =
    grid === null ? g.concat([g.ints([1, d]), present(imageGrid, "the image's grid")], 0) : g.ints([1, d, grid, grid]);
  let x = first === 0 ? table : g.slice(table, 0, first); //                    [G0 * G0, D]
  x = g.reshape(x, [1, positions.grid, positions.grid, d]);
  x = g.transpose(x, [0, 3, 1, 2]); //                                          [1, D, G0, G0]
  x = interpolate(g, x, sizes, positions.filter, positions.antialias); //        [1, D, R, C]
  x = g.reshape(g.transpose(x, [0, 2, 3, 1]), [-1, d]); //                      [R * C, D]
  return first === 0 ? x : g.concat([g.slice(table, 0, 0, first), x], 0);
}
