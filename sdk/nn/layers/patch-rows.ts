import type { GraphBuilder, Value } from "../onnx/graph-builder.ts";
import type { VitSpec } from "../vit/vit-spec.ts";

/**
 * [n, 3, S, S] -> [n * N, 3 * p * p], each patch ordered channel, row, column. Pixels beyond the last whole patch are dropped, as a
 * convolution drops them.
 */
export function patchRows(
  g: GraphBuilder,
  pixels: Value,
  { grid, patchSize: p, imageSize }: Pick<VitSpec, "grid" | "patchSize" | "imageSize">,
): Value {
  const side = grid ?? 1;
  const seen = side * p;
  const whole = imageSize === seen ? pixels : g.slice(g.slice(pixels, 2, 0, seen), 3, 0, seen);
  const split = g.reshape(whole, [-1, 3, side, p, side, p]);
  return g.reshape(g.transpose(split, [0, 2, 4, 1, 3, 5]), [-1, 3 * p * p]);
}
