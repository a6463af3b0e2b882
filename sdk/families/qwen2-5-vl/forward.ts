import { silu } from "../../nn/layers/activation.ts";
import { attention } from "../../nn/layers/attention.ts";
import { linears } from "../../nn/layers/linears.ts";
import { axialRotation, rotary } from "../../nn/layers/rotary.ts";
import { fromWindows, toWindows, windows } from "../../nn/layers/windows.ts";
import { GraphBuilder, type GraphSettings, type OnnxModel, type Value } from "../../nn/onnx/graph-builder.ts";
import { DataType } from "../../nn/onnx/onnx-proto.ts";
import { outputEmbeddings } from "../../nn/ops/projector.ts";
import type { AnyLinearRef } from "../../weights/tensor-ref.ts";
import type { ProjectorSpec } from "../model.ts";
import type { Qwen25VlBlock, Qwen25VlSpec } from "./spec.ts";

const EPSILON = 1e-6;
const ROTARY_BASE = 10_000;

/** The tokens of one image in raster order. */
interface Qwen25VlTokens {
  /** [N, D] */
  readonly value: Value;
  /** int64 [2], rows and columns */
  readonly grid: Value;
}

/**
 * The vision tower (transformers/models/qwen2_5_vl), which the reference computes over tokens in the order of their windows;
 * here they stay in raster order.
 *
 * - input `patches`: float32 [N, 3 * p * p], normalised, each ordered channel, row, column
 * - input `grid`: int64 [2], rows and columns, both even
 * - output `features`: float32 [1, N, D], what the merger takes
 */
export function buildQwen25VlEncoder(spec: Qwen25VlSpec<AnyLinearRef>, settings: GraphSettings): OnnxModel {
  const g = new GraphBuilder("encoder", settings);
  const { value } = qwen25VlTokens(g, spec);
  g.output("features", g.reshape(value, [1, -1, spec.hiddenSize]), DataType.float, [
    "images",
    "patches",
    spec.hiddenSize,
  ]);
  return g.finish();
}

/** The tower and its projector, such as the merger: `embeddings` float32 [1, M, E]. */
export function buildQwen25VlProjector(
  spec: Qwen25VlSpec<AnyLinearRef>,
  projector: ProjectorSpec,
  settings: GraphSettings,
): OnnxModel {
  const g = new GraphBuilder("projector", settings);
  const { value, grid } = qwen25VlTokens(g, spec);
  outputEmbeddings(g, { value, width: spec.hiddenSize, columns: g.slice(grid, 0, 1, 2) }, projector, null);
  return g.finish();
}

function qwen25VlTokens(g: GraphBuilder, spec: Qwen25VlSpec<AnyLinearRef>): Qwen25VlTokens {
  const { hiddenSize: d, heads, patchSize: p, patchEmbedding, windowSide, blocks } = spec;
  const patches = g.input("patches", DataType.float, ["patches", 3 * p * p]); //        [N, 3pp]
  const grid = g.input("grid", DataType.int64, [2]);
  const frames = g.sum(g.weight(patchEmbedding), 2); //                                  [D, 3, p, p]
  let x = g.gemm(patches, g.reshape(frames, [d, 3 * p * p]), null); //                   [N, D]

  const size = d / heads;
  const rotation = axialRotation(g, grid, size, ROTARY_BASE);
  const window = windows(g, grid, windowSide);
  const attend = (block: Qwen25VlBlock<AnyLinearRef>, stream: Value): Value => {
    const { query, key, value } = linears(g, stream, block.attention, d, EPSILON); //    [N, D]
    const [q, k] = [rotary(g, query, heads, size, rotation), rotary(g, key, heads, size, rotation)];
    if (block.full) {
      const whole = (y: Value) => g.reshape(y, [1, -1, d]);
      return g.reshape(attention(g, whole(q), whole(k), whole(value), heads, d), [-1, d]);
    }
    const cut = (y: Value) => toWindows(g, y, window, d); //                             [windows, side², D]
    return fromWindows(g, attention(g, cut(q), cut(k), cut(value), heads, d, { keyMask: window.mask }), window, d);
  };
  for (const block of blocks) {
    const { out } = linears(g, attend(block, x), block.attentionOut, d, EPSILON);
    x = g.add(x, out);
    const { gate, up } = linears(g, x, block.mlp, d, EPSILON);
    const { down } = linears(g, g.multiply(silu(g, gate), up), block.mlpOut, d, EPSILON);
    x = g.add(x, down);
  }
  return { value: x, grid };
}
