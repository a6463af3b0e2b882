import { join } from "node:path";
import { type TensorToWrite, writeSafetensors } from "../../../sdk/weights/safetensors/write-safetensors.ts";
import { temporaryFolder, writeJson } from "./temporary.ts";

export type Shapes = Record<string, number[]>;

/** A VQRAE of hidden size 8, 3 blocks, 2 x 2 tokens, whose weights are zero. */
export const tinyConfig = () => ({
  model_type: "vqrae",
  encoder: {
    model_type: "vit",
    hidden_size: 8,
    intermediate_size: 12,
    num_hidden_layers: 3,
    num_attention_heads: 2,
    image_size: 8,
    patch_size: 4,
    attention_probs_dropout_prob: 0,
  },
  features: { layer: -1, postNorm: true },
  codebook: { size: 16, dim: 10, bias: true, layers: [1, -1], normalize: true },
  decoder: {
    hiddenSize: 6,
    intermediateSize: 14,
    layers: 2,
    heads: 3,
    patchSize: 2,
    layerNormEps: 1e-6,
    activation: "gelu",
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
  },
  image: { size: 8, resample: "bicubic", geometry: "crop", mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
});

export type TinyConfig = ReturnType<typeof tinyConfig>;

/** The shapes of all its tensors, as training/'s `state_dict()` names them. */
export function tinyShapes(): Shapes {
  const linear = (name: string, out: number, into: number): Shapes => ({
    [`${name}.weight`]: [out, into],
    [`${name}.bias`]: [out],
  });
  const norm = (name: string, d: number): Shapes => ({ [`${name}.weight`]: [d], [`${name}.bias`]: [d] });
  const block = (name: string, d: number, inner: number): Shapes => ({
    ...norm(`${name}.layernorm_before`, d),
    ...linear(`${name}.attention.attention.query`, d, d),
    ...linear(`${name}.attention.attention.key`, d, d),
    ...linear(`${name}.attention.attention.value`, d, d),
    ...linear(`${name}.attention.output.dense`, d, d),
    ...norm(`${name}.layernorm_after`, d),
    ...linear(`${name}.intermediate.dense`, inner, d),
    ...linear(`${name}.output.dense`, d, inner),
  });
  return {
    "encoder.embeddings.cls_token": [1, 1, 8],
    "encoder.embeddings.position_embeddings": [1, 5, 8],
    "encoder.embeddings.patch_embeddings.projection.weight": [8, 3, 4, 4],
    "encoder.embeddings.patch_embeddings.projection.bias": [8],
    ...block("encoder.encoder.layer.0", 8, 12),
    ...block("encoder.encoder.layer.1", 8, 12),
    ...block("encoder.encoder.layer.2", 8, 12),
    ...norm("encoder.layernorm", 8),
    ...linear("quantizer.in_proj", 10, 16),
    "quantizer.codebook.weight": [16, 10],
    ...linear("quantizer.codebook_proj", 10, 10),
    ...linear("quantizer.out_proj", 6, 10),
    "decoder.position_embeddings": [1, 4, 6],
    ...block("decoder.layer.0", 6, 14),
    ...block("decoder.layer.1", 6, 14),
    ...norm("decoder.layernorm", 6),
    "decoder.head.weight": [12, 6, 1, 1],
    "decoder.head.bias": [12],
  };
}

export const zeros = (shapes: Shapes): TensorToWrite[] =>
  Object.entries(shapes).map(([name, shape]) => ({
    name,
    dtype: "F32",
    shape,
    data: new Float32Array(shape.reduce((a, b) => a * b, 1)),
  }));

/** Writes it to a temporary folder, after a test has changed what it wants. */
export async function writeTinyVqrae(change: (config: TinyConfig, shapes: Shapes) => void = () => {}): Promise<string> {
  const [config, shapes] = [tinyConfig(), tinyShapes()];
  change(config, shapes);
  const folder = await temporaryFolder();
  await writeJson(folder, "config.json", config);
  await writeSafetensors(join(folder, "model.safetensors"), zeros(shapes));
  return folder;
}
