import { present } from "../../errors.ts";
import type { AnyLinearRef } from "../../weights/tensor-ref.ts";
import { norm, standardise } from "../layers/norm.ts";
import { positions } from "../layers/positions.ts";
import { transformerBlock } from "../layers/transformer-block.ts";
import { GraphBuilder, type GraphSettings, type OnnxModel, type Value } from "../onnx/graph-builder.ts";
import { DataType } from "../onnx/onnx-proto.ts";
import type { FeatureSpec, VitSpec } from "./vit-spec.ts";

/** Of the LayerNorm without affine that the quantizer's layers go through (training/vqrae_training/models/vqrae.py). */
const tapNormEpsilon = 1e-6;

/** The blocks (1-based, ascending) whose patch tokens are a quantizer's input. */
export interface QuantizerTaps {
  readonly layers: readonly number[];
  /** LayerNorm without affine (eps 1e-6) on each layer's tokens first. */
  readonly normalize: boolean;
  /** One layer's tokens beside the other's, or their sum. */
  readonly combine: "concat" | "sum";
}

/** What the graph is built of; the encoder's linears may be in 8 bits. */
export interface EncoderParts {
  readonly encoder: VitSpec<AnyLinearRef>;
  readonly features: FeatureSpec;
  /** null for an encoder alone. */
  readonly quantizer: QuantizerTaps | null;
}

/**
 * The vision transformer. n images of N = grid² patches of p x p pixels, width D; T = N and, before it, the class token
 * and registers of encoders that have them. Where each image has a grid of its own, n = 1 and N = rows * columns.
 *
 * - input `patches`: float32 [n * N, 3 * p * p], normalised pixels, each patch ordered channel, row, column
 * - input `grid`: int64 [2], rows and columns; where each image has its own
 * - output `features`: float32 [n, N, D], the patch tokens of `features.layer`
 * - output `class_token`: float32 [n, D], of the same layer; where the encoder has one
 * - output `quantizer_input`: float32 [n * N, layers * D], or [n * N, D] for their sum; where the checkpoint has a quantizer
 *
 * Blocks above the deepest one that an output needs are left out.
 */
export function buildEncoderGraph(
  { encoder, features, quantizer }: EncoderParts,
  settings: GraphSettings = {},
): OnnxModel {
  const { hiddenSize: d, grid, layerNormEps } = encoder;
  const patches = grid === null ? null : grid * grid; //       N
  const g = new GraphBuilder("encoder", settings);
  const { tap, sequences, patchTokens } = encoderBlocks(g, encoder, [features.layer, ...(quantizer?.layers ?? [])]);

  let z = tap(features.layer); //                                          [n * T, D]
  if (features.postNorm && encoder.finalNorm) z = norm(g, z, encoder.finalNorm, d, layerNormEps);
  g.output("features", patchTokens(z), DataType.float, ["images", patches ?? "patches", d]);
  if (encoder.classToken) {
    const classToken = g.slice(g.reshape(z, [...sequences, d]), 1, 0, 1); //     [n, 1, D]
    g.output("class_token", g.reshape(classToken, [-1, d]), DataType.float, ["images", d]);
  }

  if (quantizer) {
    const taps = quantizer.layers.map((layer) => {
      const y = g.reshape(patchTokens(tap(layer)), [-1, d]); //            [n * N, D]
      return quantizer.normalize ? standardise(g, y, d, tapNormEpsilon) : y;
    });
    const added = quantizer.combine === "sum";
    const combined = added ? taps.reduce((sum, y) => g.add(sum, y)) : g.concat(taps, 1); // [n * N, D] or [n * N, layers * D]
    g.output("quantizer_input", combined, DataType.float, ["patches", added ? d : taps.length * d]);
  }
  return g.finish();
}

export interface EncoderBlocks {
  /** The residual stream after a block that was asked for, [n * T, D]; 0 is what goes into the first. */
  readonly tap: (layer: number) => Value;
  /** [n, T], one of them -1. */
  readonly sequences: readonly [images: number, tokens: number];
  /** A stream [n * T, D] -> its patches [n, N, D]. */
  readonly patchTokens: (stream: Value) => Value;
  /** int64 [2], rows and columns; null where all images have one grid. */
  readonly imageGrid: Value | null;
}

/**
 * The inputs and the blocks up to the deepest of `layers` (1-based).
 * @param patches [n * N, 3 * p * p]; by default the graph's input
 */
export function encoderBlocks(
  g: GraphBuilder,
  encoder: VitSpec<AnyLinearRef>,
  layers: readonly number[],
  patches: Value = patchesInput(g, encoder),
): EncoderBlocks {
  const { hiddenSize: d, grid, layerNormEps, blocks } = encoder;
  const count = grid === null ? null : grid * grid; //         N
  const registers = encoder.registers?.shape[1] ?? 0;
  const first = (encoder.classToken ? 1 : 0) + registers; //   the first patch token's place in the sequence

  // [n, T] and [n, N]; -1 is what follows from the other: the images of a shared grid, the tokens of an image's own.
  const sequences = count === null ? ([1, -1] as const) : ([-1, first + count] as const);
  const imagePatches = count === null ? ([1, -1] as const) : ([-1, count] as const);

  const kernel = patchKernel(g, encoder); //                   [D, 3pp]
  const bias = encoder.patchEmbedding.bias && g.weight(encoder.patchEmbedding.bias);
  let x = g.reshape(g.gemm(patches, kernel, bias), [...imagePatches, d]); //     [n, N, D]
  if (encoder.classToken) {
    const classToken = g.weight(encoder.classToken, [1, 1, d]);
    x = g.concat([g.repeatLike(classToken, x, [1, d]), x], 1); //                [n, 1 + N, D]
  }
  const imageGrid = grid === null ? g.input("grid", DataType.int64, [2]) : null;
  x = g.add(x, positions(g, encoder, imageGrid)); //                             [n, T - registers, D]
  if (encoder.registers) {
    const tokens = g.repeatLike(g.weight(encoder.registers), x, [registers, d]);
    const start = first - registers;
    const parts = [tokens, g.slice(x, 1, start)];
    x = g.concat(start === 0 ? parts : [g.slice(x, 1, 0, start), ...parts], 1); // [n, T, D]
  }
  x = g.reshape(x, [-1, d]); //                                                  [n * T, D]
  if (encoder.firstNorm) x = norm(g, x, encoder.firstNorm, d, layerNormEps);

  const taps = new Map<number, Value>([[0, x]]);
  for (const [i, block] of blocks.slice(0, Math.max(...layers)).entries()) {
    x = transformerBlock(g, x, block, encoder, sequences); //                    [n * T, D]
    taps.set(i + 1, x);
  }

  const patchTokens = (stream: Value) => {
    const images = g.reshape(stream, [...sequences, d]); //                      [n, T, D]
    return first === 0 ? images : g.slice(images, 1, first); //                  [n, N, D]
  };
  const tap = (layer: number) => present(taps.get(layer), `block ${layer}`);
  return { tap, sequences, patchTokens, imageGrid };
}

const patchesInput = (g: GraphBuilder, { patchSize: p }: Pick<VitSpec, "patchSize">): Value =>
  g.input("patches", DataType.float, ["patches", 3 * p * p]);

/**
 * The patch embedding as a matrix over patches ordered channel, row, column. A convolution's stride is its size, so on
 * patches it is one product over the same bytes; a linear's columns are put into that order when the session is created.
 */
function patchKernel(
  g: GraphBuilder,
  { hiddenSize: d, patchSize: p, patchEmbedding, channelsLast }: VitSpec<AnyLinearRef>,
): Value {
  if (!channelsLast) return g.weight(patchEmbedding.weight, [d, 3 * p * p]);
  return g.reshape(g.transpose(g.weight(patchEmbedding.weight, [d, p, p, 3]), [0, 3, 1, 2]), [d, 3 * p * p]);
}
