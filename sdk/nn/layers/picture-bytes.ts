import type { GraphBuilder, Value } from "../onnx/graph-builder.ts";
import { DataType } from "../onnx/onnx-proto.ts";

/**
 * The outputs of a decoder whose pixels are in [-1, 1]: x [n, 3, H, W] -> `pixels` uint8 [n, H, W, 3], 127.5 x + `zeroByte` cut at 0 and
 * 255 and truncated, or rounded to even, and `energies` float32 [n], the squared length of each picture, not finite where a weight is
 * not.
 */
export function pictureBytes(
  g: GraphBuilder,
  x: Value,
  zeroByte: 127.5 | 128,
  rounding: "truncated" | "rounded" = "truncated",
): void {
  const places = g.transpose(x, [0, 2, 3, 1]); // [n, H, W, 3]
  g.output("energies", g.sumOfSquares(g.flatten(places)), DataType.float, ["images"]);
  const bytes =
    zeroByte === 128
      ? g.clip(g.add(g.multiply(places, g.float(127.5)), g.float(128)), 0, 255)
      : g.multiply(g.clip(g.multiply(g.add(places, g.float(1)), g.float(0.5)), 0, 1), g.float(255));
  const whole = rounding === "rounded" ? g.round(bytes) : bytes;
  g.output("pixels", g.cast(whole, DataType.uint8), DataType.uint8, ["images", "height", "width", 3]);
}

/** How patch vectors become a picture. */
export interface PatchPicture {
  /** Patches in a row and in a column. */
  readonly grid: number;
  /** Pixels of a patch's side (q). */
  readonly patchSize: number;
  /** Pixel in [0, 1] = number * std + mean, per channel. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/**
 * The outputs of a decoder of patches: x [n * N, q * q * 3], each ordered row, column, channel, N = grid² -> `pixels` uint8
 * [n, grid * q, grid * q, 3], rounded to even or truncated, and `energies` float32 [n * N], the squared length of each patch vector,
 * not finite where a weight is not.
 */
export function patchPictures(
  g: GraphBuilder,
  x: Value,
  { grid, patchSize: q, mean, std }: PatchPicture,
  bytes: "rounded" | "truncated",
): void {
  const side = grid * q;
  g.output("energies", g.sumOfSquares(x), DataType.float, ["tokens"]); //         [n * N]
  let y = g.multiply(x, g.floats(perPixel(std, q))); //                           [n * N, q * q * 3]
  y = g.add(y, g.floats(perPixel(mean, q)));
  y = g.multiply(g.clip(y, 0, 1), g.float(255));
  y = g.cast(bytes === "rounded" ? g.round(y) : y, DataType.uint8);
  y = g.reshape(y, [-1, grid, grid, q, q, 3]); //                                 token row, column; pixel row, column
  y = g.transpose(y, [0, 1, 3, 2, 4, 5]); //                                      [n, G, q, G, q, 3]
  g.output("pixels", g.reshape(y, [-1, side, side, 3]), DataType.uint8, ["images", side, side, 3]);
}

/** Three channel values, repeated for each of q * q pixels. */
function perPixel(channels: readonly [number, number, number], q: number): number[] {
  return Array.from({ length: q * q }, () => channels).flat();
}
