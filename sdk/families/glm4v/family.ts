import * as z from "zod";
import type { RotaryVitBlock } from "../../nn/rotary-vit/spec.ts";
import { linearGroup } from "../../weights/tensor-ref.ts";
import { defineFamily } from "../family.ts";
import {
  epsilon,
  flag,
  oneOf,
  positiveInteger,
  positiveNumber,
  rgbChannels,
  section,
} from "../fields/config-fields.ts";
import { knownSection } from "../fields/known-section.ts";
import { unreadConfigFields } from "../fields/unread-config-fields.ts";
import { readImagePlan } from "../image/read-image-plan.ts";
import { wholeHeads, wholeHeadsError } from "../qwen-vl/config.ts";
import { patchKernels, qwenVlAttention, qwenVlTensors } from "../qwen-vl/tower.ts";
import { rotaryVitModel } from "../rotary-vit/model.ts";
import { glm4vImageProcessor } from "./image.ts";

const rotation = section({ rope_theta: positiveNumber.optional(), rope_type: oneOf("axial", "default").optional() });

interface Variant {
  readonly modelTypes: Readonly<Record<string, readonly string[]>>;
  /** Sizes that a config may leave out. */
  readonly hiddenSize: number;
  readonly heads: number;
  readonly outSize: number;
  readonly innerSize: number;
  readonly attentionBias: boolean;
  /** Whether it is GLM-OCR's: rotation alone, norms of each head, biases in the MLPs. */
  readonly ocr: boolean;
}

const tower = ({ ocr, ...own }: Variant) =>
  defineFamily({
    modelTypes: own.modelTypes,
    config: knownSection(
      {
        depth: positiveInteger.default(24),
        hidden_size: positiveInteger.default(own.hiddenSize),
        /** Of the merger in GLM-4V, of the blocks in GLM-OCR. */
        intermediate_size: positiveInteger.default(own.innerSize),
        out_hidden_size: positiveInteger.default(own.outSize),
        num_heads: positiveInteger.default(own.heads),
        hidden_act: z.literal("silu", { error: '"silu"' }).default("silu"),
        attention_bias: flag.default(own.attentionBias),
        image_size: positiveInteger.default(336),
        patch_size: positiveInteger.default(14),
        rms_norm_eps: epsilon.default(1e-5),
        spatial_merge_size: positiveInteger.default(2),
        temporal_patch_size: positiveInteger.default(2),
        rope_theta: positiveNumber.optional(),
        rope_parameters: rotation.nullish(),
        in_channels: rgbChannels,
        num_channels: rgbChannels,
      },
      unreadConfigFields,
    ).refine((c) => wholeHeads(c.hidden_size, c.num_heads), wholeHeadsError),
    image({ patch_size: patchSize, spatial_merge_size: merge }, source) {
      const processor = glm4vImageProcessor(merge);
      return readImagePlan(source, { imageSize: null, patchSize, grids: "native" }, processor, [processor]);
    },
    read(config, tensors, base) {
      const { hidden_size: d, num_heads: heads, attention_bias: bias } = config;
      const inner = ocr ? config.intermediate_size : config.out_hidden_size;
      const tensorsOfTower = qwenVlTensors(tensors);
      const blocks = Array.from({ length: config.depth }, (_, i): RotaryVitBlock => {
        const block = tensorsOfTower.below(`blocks.${i}.`);
        const mlp = block.below("mlp.");
        const withBias = ocr && bias;
        const into = (name: string) => mlp.linear(name, [inner, d], withBias);
        const headNorm = (name: string) => block.rmsNorm(`attn.${name}`, d / heads);
        return {
          full: true,
          ...qwenVlAttention(block, d, block.rmsNorm("norm1", d), { bias, outBias: withBias }),
          ...(ocr && { headNorms: { query: headNorm("q_norm"), key: headNorm("k_norm") } }),
          mlp: {
            type: "gated",
            activation: config.hidden_act,
            into: linearGroup({ gate: into("gate_proj"), up: into("up_proj") }, { norm: block.rmsNorm("norm2", d) }),
            out: linearGroup({ down: mlp.linear("down_proj", [d, inner], withBias) }),
          },
        };
      });
      tensorsOfTower.below("blocks.").requireAllUsed();
      const side = Math.floor(config.image_size / config.patch_size);
      const table = () => tensorsOfTower.tensor("embeddings.position_embedding.weight", [side * side, d]);
      return rotaryVitModel(base, {
        hiddenSize: d,
        heads,
        epsilon: config.rms_norm_eps,
        rotation: {
          base: config.rope_parameters?.rope_theta ?? config.rope_theta ?? 10_000,
          staggered: false,
          interleaved: false,
        },
        patchSize: config.patch_size,
        patchKernels: patchKernels(tensorsOfTower, config, d),
        patchBias: tensorsOfTower.tensor("patch_embed.proj.bias", [d]),
        patchNorm: ocr ? null : tensorsOfTower.rmsNorm("post_conv_layernorm", d),
        positions: ocr ? null : { table: table(), side, resize: "bicubic" },
        firstNorm: null,
        windowSide: null,
        blocks,
      });
    },
  });

/** The vision tower of GLM-4.1V, 4.5V and 4.6V (transformers/models/glm4v; arXiv 2507.01006, section 2). */
export const glm4v = tower({
  modelTypes: {
    glm4v: ["vision_config"],
    glm4v_moe: ["vision_config"],
    glm46v: ["vision_config"],
    glm4v_vision: [],
    glm4v_moe_vision: [],
  },
  hiddenSize: 1536,
  heads: 12,
  outSize: 4096,
  innerSize: 13_696,
  attentionBias: false,
  ocr: false,
});

/** The vision tower of GLM-OCR (transformers/models/glm_ocr). */
export const glmOcr = tower({
  modelTypes: { glm_ocr: ["vision_config"], glm_ocr_vision: [] },
  hiddenSize: 1024,
  heads: 16,
  outSize: 1536,
  innerSize: 4096,
  attentionBias: true,
  ocr: true,
});
