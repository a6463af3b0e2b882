import { present } from "../../errors.ts";
import { activation, silu } from "../../nn/layers/activation.ts";
import { attention } from "../../nn/layers/attention.ts";
import { interpolateCorners } from "../../nn/layers/convolution.ts";
import { linears } from "../../nn/layers/linears.ts";
import { axialRotation, rotary } from "../../nn/layers/rotary.ts";
import { fromWindows, toWindows, type Windows, windows } from "../../nn/layers/windows.ts";
import { GraphBuilder, type GraphSettings, type OnnxModel, type Value } from "../../nn/onnx/graph-builder.ts";
import { DataType } from "../../nn/onnx/onnx-proto.ts";
import { outputEmbeddings } from "../../nn/ops/projector.ts";
import type { AnyLinearRef } from "../../weights/tensor-ref.ts";
import type { ProjectorSpec } from "../model.ts";
import type { LearnedPositions, QwenVlBlock, QwenVlSpec } from "./spec.ts";

const EPSILON = 1e-6;
const ROTARY_BASE = 10_000;

/** The tokens of one image in raster order. */
interface QwenVlTokens {
  /** After each block, [N, D]. */
  readonly after: readonly Value[];
  /** int64 [2], rows and columns */
  readonly grid: Value;
}

/**
 * The vision tower (transformers/models/qwen2_vl, qwen2_5_vl, qwen3_vl). The reference computes over tokens in the order of
 * their cells or windows; here they stay in raster order.
 *
 * - input `patches`: float32 [N, 3 * p * p], normalised, each ordered channel, row, column
 * - input `grid`: int64 [2], rows and columns, both even
 * - output `features`: float32 [1, N, D], what the merger takes
 */
export function buildQwenVlEncoder(spec: QwenVlSpec<AnyLinearRef>, settings: GraphSettings): OnnxModel {
  const g = new GraphBuilder("encoder", settings);
  const { after } = qwenVlTokens(g, spec);
  g.output("features", g.reshape(last(after), [1, -1, spec.hiddenSize]), DataType.float, [
    "images",
    "patches",
    spec.hiddenSize,
  ]);
  return g.finish();
}

/** The tower and its projector, such as the merger: `embeddings` float32 [1, M, E]. */
export function buildQwenVlProjector(
  spec: QwenVlSpec<AnyLinearRef>,
  projector: ProjectorSpec,
  settings: GraphSettings,
): OnnxModel {
  const g = new GraphBuilder("projector", settings);
  const { after, grid } = qwenVlTokens(g, spec);
  const columns = g.slice(grid, 0, 1, 2);
  const tokens = (value: Value) => ({ value, width: spec.hiddenSize, columns });
  outputEmbeddings(g, tokens(last(after)), projector, null, (layer) =>
    tokens(present(after[layer - 1], "a block of the tower")),
  );
  return g.finish();
}

const last = (values: readonly Value[]): Value => present(values.at(-1), "a tower with blocks");

function qwenVlTokens(g: GraphBuilder, spec: QwenVlSpec<AnyLinearRef>): QwenVlTokens {
  const { hiddenSize: d, heads, patchSize: p, patchEmbedding, patchBias, positions, windowSide, blocks } = spec;
  const patches = g.input("patches", DataType.float, ["patches", 3 * p * p]); //        [N, 3pp]
  const grid = g.input("grid", DataType.int64, [2]);
  const frames = g.sum(g.weight(patchEmbedding), 2); //                                  [D, 3, p, p]
  const embedded = g.gemm(patches, g.reshape(frames, [d, 3 * p * p]), patchBias && g.weight(patchBias)); // [N, D]
  let x = positions === null ? embedded : g.add(embedded, learnedPositions(g, positions, grid, d));

  const size = d / heads;
  const rotation = axialRotation(g, grid, size, ROTARY_BASE);
  const window = windowSide === null ? null : windows(g, grid, windowSide);
  const after = blocks.map((block) => {
    const { query, key, value } = linears(g, x, block.attention, d, EPSILON); //         [N, D]
    const [q, k] = [rotary(g, query, heads, size, rotation), rotary(g, key, heads, size, rotation)];
    const heard = attend(g, [q, k, value], heads, d, block.full ? null : window);
    x = g.add(x, linears(g, heard, block.attentionOut, d, EPSILON).out);
    x = g.add(x, mlp(g, x, block, d));
    return x;
  });
  return { after, grid };
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

function mlp(g: GraphBuilder, x: Value, { mlp }: QwenVlBlock<AnyLinearRef>, d: number): Value {
  if (mlp.type === "plain") {
    const { up } = linears(g, x, mlp.into, d, EPSILON);
    return linears(g, activation(g, up, mlp.activation), mlp.out, d, EPSILON).down;
  }
  const { gate, up } = linears(g, x, mlp.into, d, EPSILON);
  return linears(g, g.multiply(silu(g, gate), up), mlp.out, d, EPSILON).down;
}

/** The table of positions as a picture of the image's grid: [rows * columns, D]. */
function learnedPositions(g: GraphBuilder, { table, side }: LearnedPositions, grid: Value, d: number): Value {
  const picture = g.transpose(g.reshape(g.weight(table), [1, side, side, d]), [0, 3, 1, 2]); // [1, D, side, side]
  const resized = interpolateCorners(g, picture, g.concat([g.ints([1, d]), grid], 0));
  return g.reshape(g.transpose(resized, [0, 2, 3, 1]), [-1, d]);
}
