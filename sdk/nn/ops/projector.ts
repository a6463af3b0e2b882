import { present } from "../../errors.ts";
import type { AnyLinearRef, TensorRef } from "../../weights/tensor-ref.ts";
import { norm } from "../layers/norm.ts";
import { GraphBuilder, type GraphSettings, type OnnxModel } from "../onnx/graph-builder.ts";
import { DataType } from "../onnx/onnx-proto.ts";
import { encoderBlocks } from "../vit/encoder.ts";
import type { VitSpec } from "../vit/vit-spec.ts";
import type { Tokens } from "./op.ts";
import { kindOf, type ProjectorOp } from "./projector-op.ts";

/** What the graph needs to know of a projector that fits its encoder. */
export interface GraphProjector {
  /** Blocks (1-based) whose patch tokens are concatenated. */
  readonly layers: readonly number[];
  /** Apply the encoder's final norm to each of them. */
  readonly postNorm: boolean;
  readonly ops: readonly ProjectorOp[];
  /** Blocks whose patch tokens go through steps of their own. */
  readonly deepstack: readonly { readonly layer: number; readonly ops: readonly ProjectorOp[] }[];
  /** [E], or null for a projector without. */
  readonly newline: TensorRef | null;
  readonly info: { readonly patchesPerToken: number };
}

/**
 * The encoder and behind it the projector: pixels to the embeddings of a language model. n images of N = R x C patches
 * that become M tokens of width E.
 *
 * - inputs `patches` and `grid`: as those of the encoder's graph
 * - output `embeddings`: float32 [n, M, E]
 * - output `newline`: float32 [E]; where the projector has one
 */
export function buildProjectorGraph(
  { encoder, projector }: { encoder: VitSpec<AnyLinearRef>; projector: GraphProjector },
  settings: GraphSettings = {},
): OnnxModel {
  const { hiddenSize: d, grid, layerNormEps } = encoder;
  const { layers, postNorm } = projector;
  const g = new GraphBuilder("projector", settings);
  const taps = [...layers, ...projector.deepstack.map(({ layer }) => layer)];
  const { tap, patchTokens, imageGrid } = encoderBlocks(g, encoder, taps);

  const features = layers.map((layer) => {
    const z = tap(layer); //                                               [n * T, D]
    const normed = postNorm && encoder.finalNorm ? norm(g, z, encoder.finalNorm, d, layerNormEps) : z;
    return g.reshape(patchTokens(normed), [-1, d]); //                            [n * N, D]
  });
  const columns = imageGrid === null ? g.ints([present(grid, "a grid")]) : g.slice(imageGrid, 0, 1, 2);
  const input: Tokens = {
    value: g.concat(features, 1), //                                              [n * N, layers * D]
    width: layers.length * d,
    columns,
  };
  outputEmbeddings(g, input, projector, grid === null ? null : grid ** 2, (layer) => ({
    value: g.reshape(patchTokens(tap(layer)), [-1, d]),
    width: d,
    columns,
  }));
  return g.finish();
}

/**
 * The tokens of n images [n * N, D] through the projector's steps, as the graph's outputs `embeddings` and `newline`.
 * @param patches N, or null where n is 1 and the image has a grid of its own
 * @param after the patch tokens [n * N, D] after a block, for deepstack levels
 */
export function outputEmbeddings(
  g: GraphBuilder,
  input: Tokens,
  { ops, deepstack, newline, info }: Pick<GraphProjector, "ops" | "deepstack" | "newline" | "info">,
  patches: number | null,
  after: (layer: number) => Tokens,
): void {
  const through = (tokens: Tokens, ops: readonly ProjectorOp[]) => ops.reduce((x, op) => step(g, x, op), tokens);
  const levels = [through(input, ops), ...deepstack.map(({ layer, ops }) => through(after(layer), ops))];
  const value = g.concat(
    levels.map((level) => level.value),
    1,
  ); //                                                                           [n * M, E]
  const width = levels.reduce((sum, level) => sum + level.width, 0); //           E
  const tokens = patches === null ? null : patches / info.patchesPerToken; //     M
  const shape = tokens === null ? [1, -1, width] : [-1, tokens, width];
  g.output("embeddings", g.reshape(value, shape), DataType.float, ["images", tokens ?? "tokens", width]);
  if (newline) g.output("newline", g.weight(newline), DataType.float, [width]);
}

/** The tokens after one more of a projector's steps. */
export function step(g: GraphBuilder, x: Tokens, op: ProjectorOp): Tokens {
  const kind = kindOf(op);
  return { columns: x.columns, ...kind.build(g, x, op), width: kind.widthAfter(op, x.width) };
}
