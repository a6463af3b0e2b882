import * as z from "zod";
import { flag, nonNegativeInteger, positiveNumber } from "../fields/config-fields.ts";
import type { VisionConfig, VitArchitecture, VitNames } from "../vit/architecture.ts";
import { vitBlock, vitEmbeddings } from "../vit/family.ts";
import { ownFields, type VisionDefaults, visionConfig } from "../vit/vision-config.ts";
import { bitImageProcessor } from "./image.ts";

const defaults: VisionDefaults = {
  hidden_size: 768,
  intermediate_size: 3072, // unused: mlp_ratio says it
  num_hidden_layers: 12,
  num_attention_heads: 12,
  image_size: 224,
  patch_size: 14,
  layer_norm_eps: 1e-6,
  hidden_act: "gelu",
  qkv_bias: true,
};

const mlp = { mlp_ratio: positiveNumber.default(4), use_swiglu_ffn: flag.default(false) };

/** A gated MLP keeps about the parameters of a plain one: two thirds of its width, up to a multiple of 8. */
function mlpOf(ratio: number, gated: boolean, { hiddenSize, activation }: VisionConfig): Partial<VisionConfig> {
  const width = Math.trunc(hiddenSize * ratio);
  return gated
    ? { intermediateSize: Math.floor((Math.trunc((width * 2) / 3) + 7) / 8) * 8, activation: "swiglu" }
    : { intermediateSize: width, activation };
}

const names: VitNames = {
  ...vitEmbeddings,
  block: (index) => {
    const block = `encoder.layer.${index}`;
    const { attention, out } = vitBlock(block);
    return {
      norm1: `${block}.norm1`,
      attention,
      out,
      norm2: `${block}.norm2`,
      fc1: `${block}.mlp.fc1`,
      fc2: `${block}.mlp.fc2`,
      gated: { fc1: `${block}.mlp.weights_in`, fc2: `${block}.mlp.weights_out` },
      scales: [`${block}.layer_scale1.lambda1`, `${block}.layer_scale2.lambda1`],
    };
  },
  firstNorm: null,
  finalNorm: "layernorm",
};

/** DINOv2 (transformers/models/dinov2), most of whose checkpoints were trained at 518 px and are used at 224. */
export const dinov2: VitArchitecture = {
  modelTypes: { dinov2: [] },
  config: visionConfig(
    defaults,
    ownFields(mlp, (own, config) => mlpOf(own.mlp_ratio, own.use_swiglu_ffn, config)),
  ),
  imageProcessor: bitImageProcessor,
  names,
  channelsLast: false,
  grids: { kind: "square", antialias: false },
  refuses: [],
};

/** DINOv2 with registers (transformers/models/dinov2_with_registers). */
export const dinov2WithRegisters: VitArchitecture = {
  modelTypes: { dinov2_with_registers: [] },
  config: visionConfig(
    { ...defaults, patch_size: 16 },
    ownFields(
      {
        ...mlp,
        num_register_tokens: nonNegativeInteger.default(4),
        // transformers' code has these values fixed; its first files named them.
        interpolate_antialias: z.literal(true, { error: "true" }).optional(),
        interpolate_offset: z.literal(0, { error: "0" }).optional(),
      },
      (own, config) => ({
        ...mlpOf(own.mlp_ratio, own.use_swiglu_ffn, config),
        registers: own.num_register_tokens,
      }),
    ),
  ),
  imageProcessor: bitImageProcessor,
  names: { ...names, registers: "embeddings.register_tokens" },
  channelsLast: false,
  grids: { kind: "square", antialias: true },
  refuses: [],
};
