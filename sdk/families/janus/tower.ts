import * as z from "zod";
import { flag } from "../fields/config-fields.ts";
import { siglip } from "../siglip/family.ts";
import type { VitArchitecture } from "../vit/architecture.ts";
import { ownFields, visionConfig } from "../vit/vision-config.ts";
import { janusImageProcessor } from "../vqgan/image.ts";

/** The vision tower of Janus (transformers/models/janus): SigLIP's, with names and fields of its own. */
export const janusTower: VitArchitecture = {
  ...siglip,
  modelTypes: { janus_vision_model: [] },
  config: visionConfig(
    {
      hidden_size: 1024,
      intermediate_size: 4096, // unused: mlp_ratio says it
      num_hidden_layers: 24,
      num_attention_heads: 16,
      image_size: 384,
      patch_size: 16,
      layer_norm_eps: 1e-6,
      hidden_act: "gelu",
      qkv_bias: true, // unused: attention_bias says it
    },
    ownFields(
      {
        mlp_ratio: z.number({ error: "a number > 0" }).positive({ error: "a number > 0" }).default(4),
        attention_bias: flag.default(true),
        use_qk_norm: z.literal(false, { error: "false" }).default(false),
      },
      (own, { hiddenSize }) => ({
        intermediateSize: Math.trunc(hiddenSize * own.mlp_ratio),
        qkvBias: own.attention_bias,
      }),
      {
        "They count in training alone.": ["hidden_dropout_rate"],
        "They are the aligner's, whose tensors say them.": ["depth"],
        "They count tokens of the prompt.": ["num_image_tokens"],
      },
    ),
  ),
  imageProcessor: janusImageProcessor,
  names: {
    ...siglip.names,
    block: (index) => ({ ...siglip.names.block(index), out: `encoder.layers.${index}.self_attn.projection_layer` }),
  },
};
