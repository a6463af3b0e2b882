import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ModelBase } from "../../../sdk/families/model.ts";
import type { DecoderSpec, QuantizerSpec } from "../../../sdk/families/vqrae/spec.ts";
import type { BlockRef } from "../../../sdk/nn/layers/transformer-spec.ts";
import type { FeatureSpec, VitSpec } from "../../../sdk/nn/vit/vit-spec.ts";
import {
  type LinearRef,
  linearGroup,
  type NormRef,
  type TensorRef,
  type WeightDtype,
} from "../../../sdk/weights/tensor-ref.ts";

export interface TinyOptions {
  readonly dtype?: WeightDtype;
  readonly classToken?: boolean;
  /** Overwrites rows of the codebook: row -> the row it copies. */
  readonly copies?: ReadonlyMap<number, number>;
}

/** The parts that graphs are built of. */
export interface TinyCheckpoint {
  readonly base: ModelBase;
  readonly encoder: VitSpec;
  readonly features: FeatureSpec;
  readonly quantizer: QuantizerSpec;
  readonly decoder: DecoderSpec;
}

const d = 16;
const intermediate = 32;
const codes = 32;
const dim = 8;
const grid = 3;
const encoderPatch = 4;
const decoderPatch = 2;

/** Writes weights.safetensors (data only: graphs do not read its header) with weights that F16 and BF16 hold exactly. */
export function writeTinyCheckpoint(folder: string, options: TinyOptions = {}): TinyCheckpoint {
  const { dtype = "F32", classToken = true, copies = new Map<number, number>() } = options;
  const file = join(folder, "weights.safetensors");
  const chunks: Uint8Array[] = [];
  let offset = 0;
  let state = 1;

  // Multiples of 1/64 below 2 in size: at most 8 significant bits.
  const random = (scale: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.round((state / 2 ** 31 - 1) * scale * 64) / 64;
  };
  const store = (shape: number[], values: number[]): TensorRef => {
    const bytes = encode(values, dtype);
    chunks.push(bytes);
    const ref = { name: `tensor${chunks.length}`, dtype, shape, file, offset, length: bytes.length };
    offset += bytes.length;
    return ref;
  };
  const tensor = (shape: number[], scale: number, mean = 0) =>
    store(
      shape,
      Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => mean + random(scale)),
    );
  const linear = (out: number, input: number): LinearRef => ({
    weight: tensor([out, input], Math.sqrt(3 / input)),
    bias: tensor([out], 0.2),
  });
  const norm = (): NormRef => ({ weight: tensor([d], 0.2, 1), bias: tensor([d], 0.2) });
  const block = (): BlockRef => {
    const norm1 = norm();
    const attention = { query: linear(d, d), key: linear(d, d), value: linear(d, d) };
    const out = linear(d, d);
    const norm2 = norm();
    return {
      attention: linearGroup(attention, { norm: norm1 }),
      queryNorm: null,
      keyNorm: null,
      attentionOut: linearGroup({ out }),
      mlp: linearGroup({ fc1: linear(intermediate, d) }, { norm: norm2 }),
      mlpOut: linearGroup({ fc2: linear(d, intermediate) }),
    };
  };
  const spec = { hiddenSize: d, intermediateSize: intermediate, heads: 2, layerNormEps: 1e-6, grid } as const;

  const kernel = linear(d, 3 * encoderPatch ** 2);
  const head = linear(3 * decoderPatch ** 2, 9 * d);
  const rows = Array.from({ length: codes }, () => Array.from({ length: dim }, () => random(1.5)));
  for (const [row, source] of copies) rows[row] = rows[source]!;
  const base: ModelBase = {
    licence: null,
    modelId: "tiny",
    folder,
    image: {
      size: 12,
      resizeTo: 12,
      resample: "bicubic",
      geometry: "stretch",
      background: null,
      tiling: null,
      mean: [0.5, 0.5, 0.5],
      std: [0.5, 0.5, 0.5],
    },
  };
  const checkpoint: TinyCheckpoint = {
    base,
    encoder: {
      ...spec,
      activation: "gelu_tanh",
      patchSize: encoderPatch,
      imageSize: grid * encoderPatch,
      maxPatches: grid ** 2,
      channelsLast: false,
      patchEmbedding: { ...kernel, weight: { ...kernel.weight, shape: [d, 3, encoderPatch, encoderPatch] } },
      classToken: classToken ? tensor([1, 1, d], 1) : null,
      registers: null,
      positions: {
        table: tensor([1, grid ** 2 + (classToken ? 1 : 0), d], 1),
        grid,
        filter: "bicubic",
        antialias: false,
        classLast: false,
        buckets: null,
      },
      firstNorm: null,
      blocks: [block(), block()],
      finalNorm: norm(),
    },
    features: { layer: 2, postNorm: true },
    quantizer: {
      size: codes,
      dim,
      layers: [1, 2],
      normalize: true,
      combine: "concat",
      inputWidth: 2 * d,
      inProjection: linear(dim, 2 * d),
      codebook: store([codes, dim], rows.flat()),
      codebookProjection: linear(dim, dim),
      outProjection: linear(d, dim),
    },
    decoder: {
      ...spec,
      activation: "gelu",
      patchSize: decoderPatch,
      headKernel: 3,
      positions: tensor([1, grid ** 2, d], 1),
      blocks: [block()],
      finalNorm: norm(),
      head: { ...head, weight: { ...head.weight, shape: [3 * decoderPatch ** 2, d, 3, 3] } },
      mean: [0.5, 0.5, 0.5],
      std: [0.25, 0.25, 0.25],
    },
  };
  writeFileSync(file, Buffer.concat(chunks));
  return checkpoint;
}

function encode(values: number[], dtype: WeightDtype): Uint8Array {
  const floats = Float32Array.from(values);
  if (dtype === "F32") return new Uint8Array(floats.buffer);
  const bits = new Uint32Array(floats.buffer);
  const half = Uint16Array.from(bits, (b) => {
    if (dtype === "BF16" || b << 1 === 0) return b >>> 16;
    return ((b >>> 16) & 0x8000) | ((((b >>> 23) & 255) - 112) << 10) | ((b & 0x7fffff) >>> 13);
  });
  return new Uint8Array(half.buffer);
}
