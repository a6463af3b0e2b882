import { activation } from "../../nn/layers/activation.ts";
import { attention } from "../../nn/layers/attention.ts";
import { convolution, doubled, halved } from "../../nn/layers/convolution.ts";
import { channelNorm, norm, unitLength } from "../../nn/layers/norm.ts";
import { pictureBytes } from "../../nn/layers/picture-bytes.ts";
import { GraphBuilder, type GraphSettings, type OnnxModel, type Value } from "../../nn/onnx/graph-builder.ts";
import { DataType } from "../../nn/onnx/onnx-proto.ts";
import type {
  GatedMlpRef,
  InvertedBlockRef,
  ProjectionRef,
  UnitokEncoder,
  UnitokSpec,
  UnitokTransformer,
} from "./spec.ts";

/** Of every norm but those of the projections, which have torch's own. */
const EPSILON = 1e-6;
const PROJECTION_EPSILON = 1e-5;

/**
 * ViTamin. n images of 3 x H x W pixels in [-1, 1] become N = H / 16 * W / 16 tokens of width D.
 *
 * - input `pixels`: float32 [n, 3, H, W]
 * - output `features`: float32 [n, N, D], which are not quantized
 * - output `quantizer_input`: float32 [n * N, codes * dim], what the codebooks are searched for
 */
export function buildUnitokEncoder(encoder: UnitokEncoder, tokens: number, settings: GraphSettings): OnnxModel {
  const { stem, stages, pool, transformer, projection } = encoder;
  const { width: d } = transformer;
  const g = new GraphBuilder("encoder", settings);
  let x = convolution(g, g.input("pixels", DataType.float, ["images", 3, "height", "width"]), stem.first, {
    stride: 2,
  });
  x = convolution(g, activation(g, channelNorm(g, x, stem.norm, EPSILON), "gelu"), stem.second);
  for (const blocks of stages) x = stage(g, x, blocks, "down");
  x = convolution(g, channelNorm(g, x, pool.norm, EPSILON), pool.convolution, { stride: 2 });
  x = g.transpose(g.reshape(x, [0, d, -1]), [0, 2, 1]); //                          [n, N, D]
  x = blocksOf(g, g.reshape(g.add(x, g.weight(encoder.positions)), [-1, d]), transformer, tokens); // [n * N, D]
  g.output("features", g.reshape(x, [-1, tokens, d]), DataType.float, ["images", tokens, d]);
  const projected = project(g, x, projection, tokens); //                            [n * N, codes * dim]
  g.output("quantizer_input", projected, DataType.float, ["all_tokens", projection.out]);
  return g.finish();
}

/**
 * Unit vectors, a token's codes one after the other.
 *
 * - input `quantizer_input`: float32 [t, codes * dim]
 * - output `vectors`: float32 [t * codes, dim]
 */
export function buildUnitokQuantizer({ codebooks }: UnitokSpec): OnnxModel {
  const g = new GraphBuilder("quantizer");
  const dim = dimOf(codebooks);
  const x = g.input("quantizer_input", DataType.float, ["tokens", codebooks.length * dim]);
  g.output("vectors", unitLength(g, g.reshape(x, [-1, dim])), DataType.float, ["codes", dim]);
  return g.finish();
}

/**
 * - input `ids`: int64 [t]; the i-th is one of codebook i modulo the codebooks
 * - output `vectors`: float32 [t, dim], of unit length
 */
export function buildUnitokCodebook({ codebooks }: UnitokSpec): OnnxModel {
  const g = new GraphBuilder("codebook");
  const vectors = codeVectors(g, codebooks, g.input("ids", DataType.int64, ["codes"]));
  g.output("vectors", vectors, DataType.float, ["codes", dimOf(codebooks)]);
  return g.finish();
}

/**
 * The mirrored ViTamin.
 *
 * - input `ids`: int64 [n, N * codes] in raster order, a token's codes side by side
 * - output `pixels`: uint8 [n, H, W, 3], RGB, rounded as inference.py does
 * - output `energies`: float32 [n], the squared length of each picture; not finite where a weight is not
 */
export function buildUnitokDecoder(
  { codebooks, decoder }: UnitokSpec,
  side: number,
  settings: GraphSettings,
): OnnxModel {
  const { projection, transformer, first, stages, last } = decoder;
  const { width: d } = transformer;
  const tokens = side * side;
  const g = new GraphBuilder("decoder", settings);
  const ids = g.input("ids", DataType.int64, ["images", tokens * codebooks.length]);
  const codes = g.reshape(codeVectors(g, codebooks, g.reshape(ids, [-1])), [-1, projection.into]); // [n * N, codes * dim]
  let x = blocksOf(g, project(g, codes, projection, tokens), transformer, tokens); //                 [n * N, D]
  x = g.transpose(g.reshape(x, [-1, side, side, d]), [0, 3, 1, 2]);
  x = convolution(g, doubled(g, x), first);
  for (const blocks of stages) x = stage(g, x, blocks, "up");
  x = activation(g, channelNorm(g, convolution(g, doubled(g, x), last.up), last.norm, EPSILON), "gelu");
  pictureBytes(g, convolution(g, x, last.out), 127.5, "rounded");
  return g.finish();
}

const dimOf = (codebooks: UnitokSpec["codebooks"]): number => codebooks[0]?.shape[1] ?? 0;

/** ids [t] -> [t, dim], of unit length */
function codeVectors(g: GraphBuilder, codebooks: UnitokSpec["codebooks"], ids: Value): Value {
  const size = codebooks[0]?.shape[0] ?? 0;
  const tables = g.concat(
    codebooks.map((codebook) => g.weight(codebook)),
    0,
  );
  const scalar = (value: number) => g.reshape(g.ints([value]), []);
  const count = g.reshape(g.node("Shape", [ids]), []);
  const places = g.node("Range", [scalar(0), count, scalar(1)]);
  const offsets = g.multiply(g.node("Mod", [places, g.integer(codebooks.length)]), g.integer(size));
  return unitLength(g, g.node("Gather", [tables, g.add(ids, offsets)], { axis: { int: 0 } }));
}

/** x [n * N, D] through all blocks and the last norm. */
function blocksOf(
  g: GraphBuilder,
  x: Value,
  { width, heads, blocks, norm: last }: UnitokTransformer,
  tokens: number,
): Value {
  const perImage = (rows: Value) => g.reshape(rows, [-1, tokens, width]);
  const out = blocks.reduce((stream, block) => {
    const y = norm(g, stream, block.norm1, width, EPSILON);
    const [q, k, v] = [g.linear(y, block.query), g.linear(y, block.key), g.linear(y, block.value)];
    const heard = attention(g, perImage(q), perImage(k), perImage(v), heads, width);
    const attended = g.add(stream, g.linear(g.reshape(heard, [-1, width]), block.out));
    return g.add(attended, gatedMlp(g, norm(g, attended, block.norm2, width, EPSILON), block.mlp, width));
  }, x);
  return norm(g, out, last, width, EPSILON);
}

function gatedMlp(g: GraphBuilder, x: Value, { norm: own, gate, up, down }: GatedMlpRef, width: number): Value {
  const y = norm(g, x, own, width, EPSILON);
  return g.linear(g.multiply(activation(g, g.linear(y, gate), "gelu_tanh"), g.linear(y, up)), down);
}

/** x [n * N, into] -> [n * N, out]: heads are averaged where it becomes narrower, and put side by side where wider. */
function project(g: GraphBuilder, x: Value, ref: ProjectionRef, tokens: number): Value {
  const { into, out, heads } = ref;
  const inner = Math.max(into, out);
  const y = norm(g, x, ref.norm1, into, PROJECTION_EPSILON);
  const perImage = (linear: ProjectionRef["query"]) => g.reshape(g.linear(y, linear), [-1, tokens, inner]);
  const heard = attention(g, perImage(ref.query), perImage(ref.key), perImage(ref.value), heads, inner);
  const attended =
    into > out ? g.mean(g.reshape(heard, [-1, heads, inner / heads]), [1]) : g.reshape(heard, [-1, inner]);
  const direct = g.linear(norm(g, x, ref.norm3, into, PROJECTION_EPSILON), ref.linear);
  const sum = g.add(direct, g.linear(attended, ref.attentionOut));
  return g.add(sum, gatedMlp(g, norm(g, sum, ref.norm2, out, PROJECTION_EPSILON), ref.mlp, out));
}

function stage(g: GraphBuilder, x: Value, blocks: readonly InvertedBlockRef[], resample: "down" | "up"): Value {
  return blocks.reduce((h, block, i) => {
    const changes = i === 0;
    const down = changes && resample === "down";
    let y = convolution(g, channelNorm(g, h, block.norm, EPSILON), block.expand);
    y = activation(g, y, "gelu");
    if (block.up) y = convolution(g, doubled(g, y), block.up);
    const groups = block.depthwise.weight.shape[0] ?? 1;
    y = activation(g, convolution(g, y, block.depthwise, { groups, stride: down ? 2 : 1 }), "gelu");
    y = convolution(g, y, block.project);
    const resampled = changes ? (down ? halved(g, h) : doubled(g, h)) : h;
    return g.add(y, block.shortcut ? convolution(g, resampled, block.shortcut) : resampled);
  }, x);
}
