import type { GraphBuilder, Value } from "../onnx/graph-builder.ts";
import { DataType } from "../onnx/onnx-proto.ts";

/**
 * The outputs of a decoder whose pixels are in [-1, 1]: x [n, 3, H, W] -> `pixels` uint8 [n, H, W, 3], 127.5 x + `zeroByte` cut at 0 and
 * 255 and truncated, and `energies` float32 [n], the squared length of each picture, not finite where a weight is not.
 */
export function pictureBytes(g: GraphBuilder, x: Value, zeroByte: 127.5 | 128): void {
  const places = g.transpose(x, [0, 2, 3, 1]); // [n, H, W, 3]
  g.output("energies", g.sumOfSquares(g.flatten(places)), DataType.float, ["images"]);
  const bytes =
    zeroByte === 128
      ? g.clip(g.add(g.multiply(places, g.float(127.5)), g.float(128)), 0, 255)
      : g.multiply(g.clip(g.multiply(g.add(places, g.float(1)), g.float(0.5)), 0, 1), g.float(255));
  g.output("pixels", g.cast(bytes, DataType.uint8), DataType.uint8, ["images", "height", "width", 3]);
}
