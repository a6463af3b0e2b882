import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { GraphBuilder, type GraphSettings, type OnnxModel, type Value } from "./graph-builder.ts";
import { DataType } from "./onnx-proto.ts";
import { positions } from "./positions.ts";
import { transformerBlock } from "./transformer-block.ts";

/** Of the LayerNorm without affine that the quantizer's layers go through (training/vqrae_training/models/vqrae.py). */
const tapNormEpsilon = 1e-6;

/**
 * The vision transformer. n images of N = grid² patches of p x p pixels, width D; T = N and, before it, the class token
 * and registers of encoders that have them.
 *
 * - input `patches`: float32 [n * N, 3 * p * p], normalised pixels, each patch ordered channel, row, column
 * - output `features`: float32 [n, N, D], the patch tokens of `features.layer`
 * - output `class_token`: float32 [n, D], of the same layer; where the encoder has one
 * - output `quantizer_input`: float32 [n * N, layers * D]; where the checkpoint has a quantizer
 *
 * Blocks above the deepest one that an output needs are left out.
 */
export function buildEncoderGraph(
  { encoder, features, quantizer }: Checkpoint,
  settings: GraphSettings = {},
): OnnxModel {
  const { hiddenSize: d, patchSize, grid, layerNormEps, blocks } = encoder;
  const patches = grid * grid; //                              N
  const patchWidth = 3 * patchSize * patchSize; //             3pp
  const registers = encoder.registers?.shape[1] ?? 0;
  const first = (encoder.classToken ? 1 : 0) + registers; //   the first patch token's place in the sequence
  const tokens = first + patches; //                           T
  const g = new GraphBuilder("encoder", settings);

  // The convolution's stride is its size, so on patches it is one matrix product over the same bytes.
  const kernel = g.weight(encoder.patchEmbedding.weight, [d, patchWidth]);
  const bias = encoder.patchEmbedding.bias && g.weight(encoder.patchEmbedding.bias);
  const pixels = g.input("patches", DataType.float, ["patches", patchWidth]); // [n * N, 3pp]
  let x = g.reshape(g.gemm(pixels, kernel, bias), [-1, patches, d]); //          [n, N, D]
  if (encoder.classToken) {
    const classToken = g.weight(encoder.classToken, [1, 1, d]);
    x = g.concat([g.repeatLike(classToken, x, [1, d]), x], 1); //                [n, 1 + N, D]
  }
  x = g.add(x, positions(g, encoder)); //                                        [n, T - registers, D]
  if (encoder.registers) {
    const tokens = g.repeatLike(g.weight(encoder.registers), x, [registers, d]);
    const start = first - registers;
    const parts = [tokens, g.slice(x, 1, start, start + patches)];
    x = g.concat(start === 0 ? parts : [g.slice(x, 1, 0, start), ...parts], 1); // [n, T, D]
  }
  x = g.reshape(x, [-1, d]); //                                                  [n * T, D]
  if (encoder.firstNorm) x = g.norm(x, encoder.firstNorm, d, layerNormEps);

  const tapped = quantizer?.layers ?? [];
  const taps = new Map<number, Value>([[0, x]]);
  for (const [i, block] of blocks.slice(0, Math.max(features.layer, ...tapped)).entries()) {
    x = transformerBlock(g, x, block, encoder, tokens); //                       [n * T, D]
    taps.set(i + 1, x);
  }

  const patchTokens = (stream: Value) => {
    const images = g.reshape(stream, [-1, tokens, d]); //                        [n, T, D]
    return first === 0 ? images : g.slice(images, 1, first, tokens); //          [n, N, D]
  };

  let z = taps.get(features.layer)!; //                                          [n * T, D]
  if (features.postNorm && encoder.finalNorm) z = g.norm(z, encoder.finalNorm, d, layerNormEps);
  g.output("features", patchTokens(z), DataType.float, ["images", patches, d]);
  if (encoder.classToken) {
    const classToken = g.slice(g.reshape(z, [-1, tokens, d]), 1, 0, 1); //       [n, 1, D]
    g.output("class_token", g.reshape(classToken, [-1, d]), DataType.float, ["images", d]);
  }

  if (quantizer) {
    const columns = quantizer.layers.map((layer) => {
      const y = g.reshape(patchTokens(taps.get(layer)!), [-1, d]); //            [n * N, D]
      return quantizer.normalize ? g.standardise(y, d, tapNormEpsilon) : y;
    });
    const width = columns.length * d;
    g.output("quantizer_input", g.concat(columns, 1), DataType.float, ["patches", width]); // [n * N, layers * D]
  }
  return g.finish();
}
