import { present } from "../../errors.ts";
import type { AnyLinearRef, NormRef } from "../../weights/tensor-ref.ts";
import { activation, silu } from "../layers/activation.ts";
import { attention } from "../layers/attention.ts";
import { interpolate, interpolateCorners } from "../layers/convolution.ts";
import { linears } from "../layers/linears.ts";
import { norm } from "../layers/norm.ts";
import { axialRotation, rotary } from "../layers/rotary.ts";
import { fromWindows, toWindows, type Windows, windows } from "../layers/windows.ts";
import { GraphBuilder, type GraphSettings, type OnnxModel, type Value } from "../onnx/graph-builder.ts";
import { DataType } from "../onnx/onnx-proto.ts";
import { type GraphProjector, outputEmbeddings } from "../ops/projector.ts";
import { type LearnedPositions, type RotaryVitBlock, type RotaryVitSpec, takesPairs } from "./spec.ts";

/** The tokens of one image in raster order. */
interface RotaryVitTokens {
  /** After each block, [N, D]. */
  readonly after: readonly Value[];
  /** int64 [2], rows and columns */
  readonly grid: Value;
}

/**
 * A tower (transformers/models/qwen2_vl, qwen2_5_vl, qwen3_vl, pixtral, glm4v). Qwen-VL's reference computes over tokens in the order
 * of their cells or windows; here they stay in raster order.
 *
 * - input `patches`: float32 [N, 3 * p * p], normalised, each ordered channel, row, column
 * - input `grid`: int64 [2], rows and columns, whole cells of patches
 * - input `change`, of a tower whose patches hold two frames: float32 [N, 3 * p * p], the second frame less the first; zeros
 *   [1, 3 * p * p] for a still image
 * - output `features`: float32 [1, N, D], what the projector takes
 */
export function buildRotaryVitEncoder(spec: RotaryVitSpec<AnyLinearRef>, settings: GraphSettings): OnnxModel {
  const g = new GraphBuilder("encoder", settings);
  const { after } = rotaryVitTokens(g, spec);
  g.output("features", g.reshape(last(after), [1, -1, spec.hiddenSize]), DataType.float, [
    "images",
    "patches",
    spec.hiddenSize,
  ]);
  return g.finish();
}

/** The tower and its projector, such as a merger: `embeddings` float32 [1, M, E]. */
export function buildRotaryVitProjector(
  spec: RotaryVitSpec<AnyLinearRef>,
  projector: GraphProjector,
  settings: GraphSettings,
): OnnxModel {
  const g = new GraphBuilder("projector", settings);
  const { after, grid } = rotaryVitTokens(g, spec);
  const columns = g.slice(grid, 0, 1, 2);
  const tokens = (value: Value) => ({ value, width: spec.hiddenSize, columns });
  outputEmbeddings(g, tokens(last(after)), projector, null, (layer) =>
    tokens(present(after[layer - 1], "a block of the tower")),
  );
  return g.finish();
}

const last = (values: readonly Value[]): Value => present(values.at(-1), "a tower with blocks");

function rotaryVitTokens(g: GraphBuilder, spec: RotaryVitSpec<AnyLinearRef>): RotaryVitTokens {
  const {
    hiddenSize: d,
    heads,
    epsilon,
    patchSize: p,
    patchKernels,
    patchBias,
    patchNorm,
    positions,
    firstNorm,
  } = spec;
  const patches = g.input("patches", DataType.float, ["patches", 3 * p * p]); //        [N, 3pp]
  const grid = g.input("grid", DataType.int64, [2]);
  const kernels = patchKernels.map((ref) => (ref.shape.length === 5 ? g.sum(g.weight(ref), 2) : g.weight(ref)));
  const kernel = kernels.reduce((sum, one) => g.add(sum, one));
  let embedded = g.gemm(patches, g.reshape(kernel, [d, 3 * p * p]), patchBias && g.weight(patchBias)); // [N, D]
  if (takesPairs(spec)) {
    const change = g.input("change", DataType.float, ["changes", 3 * p * p]);
    const [first, own] = patchKernels;
    const second = own ? g.weight(own) : g.slice(g.weight(present(first, "a kernel of patches")), 2, 1, 2);
    embedded = g.add(embedded, g.gemm(change, g.reshape(second, [d, 3 * p * p]), null));
  }
  if (patchNorm) embedded = norm(g, embedded, patchNorm, d, epsilon);
  let x = positions === null ? embedded : g.add(embedded, learnedPositions(g, positions, grid, d));

  if (firstNorm) x = norm(g, x, firstNorm, d, epsilon);

  const size = d / heads;
  const rotation = axialRotation(g, grid, size, spec.rotation);
  const window = spec.windowSide === null ? null : windows(g, grid, spec.windowSide);
  const after = spec.blocks.map((block) => {
    const { query, key, value } = linears(g, x, block.attention, d, epsilon); //         [N, D]
    const turned = (y: Value, own: NormRef | undefined) =>
      rotary(g, own ? headNorm(g, y, own, heads, size, epsilon) : y, heads, size, rotation);
    const [q, k] = [turned(query, block.headNorms?.query), turned(key, block.headNorms?.key)];
    const heard = attend(g, [q, k, value], heads, d, block.full ? null : window);
    x = g.add(x, linears(g, heard, block.attentionOut, d, epsilon).out);
    x = g.add(x, mlp(g, x, block, d, epsilon));
    return x;
  });
  return { after, grid };
}

/** A norm over each head's numbers: [N, heads * size] -> the same. */
function headNorm(g: GraphBuilder, y: Value, own: NormRef, heads: number, size: number, epsilon: number): Value {
  return g.reshape(norm(g, g.reshape(y, [-1, size]), own, size, epsilon), [-1, heads * size]);
}

/** Attention over the image, or over each of its windows: [N, D] each -> [N, D]. */
function attend(
  g: GraphBuilder,
  [query, key, value]: readonly [Value, Value, Value],
  heads: number,
  width: number,
  window: Windows | null,
): Value {
  if (window === null) {
    const whole = (y: Value) => g.reshape(y, [1, -1, width]);
    return g.reshape(attention(g, whole(query), whole(key), whole(value), heads, width), [-1, width]);
  }
  const cut = (y: Value) => toWindows(g, y, window, width); //                           [windows, side², D]
  const heard = attention(g, cut(query), cut(key), cut(value), heads, width, { keyMask: window.mask });
  return fromWindows(g, heard, window, width);
}

function mlp(g: GraphBuilder, x: Value, { mlp }: RotaryVitBlock<AnyLinearRef>, d: number, epsilon: number): Value {
  if (mlp.type === "plain") {
    const { up } = linears(g, x, mlp.into, d, epsilon);
    return linears(g, activation(g, up, mlp.activation), mlp.out, d, epsilon).down;
  }
  const { gate, up } = linears(g, x, mlp.into, d, epsilon);
  const open = mlp.activation === "silu" ? silu(g, gate) : activation(g, gate, mlp.activation);
  return linears(g, g.multiply(open, up), mlp.out, d, epsilon).down;
}

/** The table of positions as a picture of the image's grid: [rows * columns, D]. */
function learnedPositions(g: GraphBuilder, { table, side, resize }: LearnedPositions, grid: Value, d: number): Value {
  const picture = g.transpose(g.reshape(g.weight(table), [1, side, side, d]), [0, 3, 1, 2]); // [1, D, side, side]
  const sizes = g.concat([g.ints([1, d]), grid], 0);
  const resized =
    resize === "corners" ? interpolateCorners(g, picture, sizes) : interpolate(g, picture, sizes, "bicubic", false);
  return g.reshape(g.transpose(resized, [0, 2, 3, 1]), [-1, d]);
}
