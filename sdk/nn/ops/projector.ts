import type { ProjectorOp } from "../../contract/projector.ts";
import type { ProjectorSpec } from "../../families/model.ts";
import type { AnyLinearRef } from "../../weights/tensor-ref.ts";
import { activation } from "../layers/activation.ts";
import { norm, rmsNorm } from "../layers/norm.ts";
import { GraphBuilder, type GraphSettings, type OnnxModel, type Value } from "../onnx/graph-builder.ts";
import { DataType } from "../onnx/onnx-proto.ts";
import { encoderBlocks } from "../vit/encoder.ts";
import type { VitSpec } from "../vit/vit-spec.ts";

/**
 * The encoder and behind it the projector: pixels to the embeddings of a language model. n images of N = R x C patches
 * that become M tokens of width E.
 *
 * - inputs `patches` and `grid`: as those of the encoder's graph
 * - output `embeddings`: float32 [n, M, E]
 * - output `newline`: float32 [E]; where the projector has one
 */
export function buildProjectorGraph(
  { encoder, projector }: { encoder: VitSpec<AnyLinearRef>; projector: ProjectorSpec },
  settings: GraphSettings = {},
): OnnxModel {
  const { hiddenSize: d, grid, layerNormEps } = encoder;
  const { layers, postNorm, ops, newline, info } = projector;
  const g = new GraphBuilder("projector", settings);
  const { taps, patchTokens, imageGrid } = encoderBlocks(g, encoder, layers);

  const features = layers.map((layer) => {
    const z = taps.get(layer)!; //                                               [n * T, D]
    const normed = postNorm && encoder.finalNorm ? norm(g, z, encoder.finalNorm, d, layerNormEps) : z;
    return g.reshape(patchTokens(normed), [-1, d]); //                            [n * N, D]
  });
  const input: Tokens = {
    value: g.concat(features, 1), //                                              [n * N, layers * D]
    width: layers.length * d,
    columns: imageGrid === null ? g.ints([grid!]) : g.slice(imageGrid, 0, 1, 2),
  };
  const x = ops.reduce((x, op) => step(g, x, op), input); //                      [n * M, E]

  const tokens = grid === null ? null : grid ** 2 / info.patchesPerToken; //      M
  const shape = tokens === null ? [1, -1, x.width] : [-1, tokens, x.width];
  g.output("embeddings", g.reshape(x.value, shape), DataType.float, ["images", tokens ?? "tokens", x.width]);
  if (newline) g.output("newline", g.weight(newline), DataType.float, [x.width]);
  return g.finish();
}

/** Tokens of n images of R x C, one image after the other in raster order. */
export interface Tokens {
  /** [n * R * C, width] */
  readonly value: Value;
  readonly width: number;
  /** int64 [1]: C */
  readonly columns: Value;
}

/** The tokens after one more of a projector's steps. */
export function step(g: GraphBuilder, x: Tokens, op: ProjectorOp): Tokens {
  switch (op.op) {
    case "pixel_shuffle": {
      const { value, columns } = cells(g, x, op.factor);
      const width = op.factor ** 2 * x.width;
      const together = g.transpose(value, [0, 2, 1, 3, 4]); //                    [n * R/f, C/f, f, f, d]
      return { value: g.reshape(together, [-1, width]), width, columns };
    }
    case "average_pool": {
      const { value, columns } = cells(g, x, op.factor);
      return { value: g.reshape(g.mean(value, [1, 3]), [-1, x.width]), width: x.width, columns };
    }
    case "layer_norm":
      return { ...x, value: norm(g, x.value, op.norm, x.width, op.epsilon) };
    case "rms_norm":
      return { ...x, value: rmsNorm(g, x.value, op.weight, op.offset, op.epsilon) };
    case "linear": {
      const { weight, bias, transposed } = op;
      const [out, into] = [weight.shape[transposed ? 1 : 0]!, weight.shape[transposed ? 0 : 1]!];
      const values = g.weight(weight, transposed ? [into, out] : [out, into]);
      return { ...x, value: g.gemm(x.value, values, bias && g.weight(bias), !transposed), width: out };
    }
    case "activation":
      return { ...x, value: activation(g, x.value, op.kind) };
  }
}

/** Cells of f x f tokens: [n * R/f, f, C/f, f, d], and C/f. */
function cells(g: GraphBuilder, { value, width, columns }: Tokens, factor: number): { value: Value; columns: Value } {
  const across = g.divide(columns, g.ints([factor]));
  const shape = g.concat([g.ints([-1, factor]), across, g.ints([factor, width])], 0);
  return { value: g.reshapeTo(value, shape), columns: across };
}
