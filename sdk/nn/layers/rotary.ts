import type { GraphBuilder, Value } from "../onnx/graph-builder.ts";
import { DataType } from "../onnx/onnx-proto.ts";

/** The cosines and sines of every token's angles, [tokens, 1, size] each. */
export interface Rotation {
  readonly cosines: Value;
  readonly sines: Value;
  /** Whether two numbers that turn together are neighbours, not half a head apart. */
  readonly interleaved: boolean;
}

/**
 * Rotary positions over two axes: half of the frequencies turn with a token's row, half with its column (Qwen2-VL's
 * `rotary_pos_emb`). Tokens are in raster order. `staggered`: the columns' frequencies lie between those of rows (Pixtral),
 * and are not the same.
 *
 * @param grid int64 [2], rows and columns
 * @param size numbers of a head
 */
export function axialRotation(
  g: GraphBuilder,
  grid: Value,
  size: number,
  {
    base,
    staggered,
    interleaved,
  }: Pick<Rotation, "interleaved"> & { readonly base: number; readonly staggered: boolean },
): Rotation {
  const spatial = size / 2;
  const count = size / 4;
  const frequencies = (offset: number) =>
    Array.from({ length: count }, (_, i) =>
      Math.fround(1 / Math.fround(base ** Math.fround((2 * i + offset) / spatial))),
    );
  const side = (axis: 0 | 1, shape: readonly number[], offset: number) => {
    const length = g.node("Squeeze", [g.slice(grid, 0, axis, axis + 1)]);
    const range = g.node("Range", [g.integer(0), length, g.integer(1)]);
    const places = g.reshape(g.cast(range, DataType.float), shape);
    const angles = g.multiply(places, g.floats(frequencies(offset), [1, 1, count])); //    [R, 1, count] or [1, C, count]
    return g.node("Expand", [angles, g.concat([grid, g.ints([count])], 0)]); //    [R, C, count]
  };
  const half = g.concat([side(0, [-1, 1, 1], 0), side(1, [1, -1, 1], staggered ? 1 : 0)], 2); //         [R, C, size / 2]
  const angles = g.reshape(g.concat([half, half], 2), [-1, 1, size]); //           [tokens, 1, size]
  return { cosines: g.node("Cos", [angles]), sines: g.node("Sin", [angles]), interleaved };
}

/**
 * x [tokens, heads * size] with each head turned: x cos + rotate_half(x) sin. Neighbours that turn together come out half a head
 * apart, which changes no product of two heads.
 */
export function rotary(g: GraphBuilder, x: Value, heads: number, size: number, rotation: Rotation): Value {
  const { cosines, sines, interleaved } = rotation;
  const apart = interleaved ? g.transpose(g.reshape(x, [-1, heads, size / 2, 2]), [0, 1, 3, 2]) : x;
  const perHead = g.reshape(apart, [-1, heads, size]);
  const first = g.slice(perHead, 2, 0, size / 2);
  const second = g.slice(perHead, 2, size / 2, size);
  const turned = g.concat([g.node("Neg", [second]), first], 2);
  const rotated = g.add(g.multiply(perHead, cosines), g.multiply(turned, sines));
  return g.reshape(rotated, [-1, heads * size]);
}
