import { linearGroup } from "../../weights/tensor-ref.ts";
import { defineFamily, type FamilySource } from "../family.ts";
import { activationName, activations } from "../fields/activations.ts";
import { flag, oneOf, positiveInteger, positiveNumber, rgbChannels, section } from "../fields/config-fields.ts";
import { knownSection } from "../fields/known-section.ts";
import { unreadConfigFields } from "../fields/unread-config-fields.ts";
import { readImagePlan } from "../image/read-image-plan.ts";
import { rotaryVitModel } from "../rotary-vit/model.ts";
import { pixtralImageProcessor } from "./image.ts";

const EPSILON = 1e-5;
const gate = activationName.or(oneOf("silu"));
const rotation = section({ rope_theta: positiveNumber.optional(), rope_type: oneOf("axial", "default").optional() });

/** The vision tower of Pixtral, Mistral 3 and LightOnOCR (transformers/models/pixtral; arXiv 2410.07073, section 2.2). */
export const pixtral = defineFamily({
  modelTypes: { pixtral: [] },
  config: knownSection(
    {
      hidden_size: positiveInteger.default(1024),
      intermediate_size: positiveInteger.default(4096),
      num_hidden_layers: positiveInteger.default(24),
      num_attention_heads: positiveInteger.default(16),
      patch_size: positiveInteger.default(16),
      hidden_act: gate.default("gelu"),
      head_dim: positiveInteger.optional(),
      num_channels: rgbChannels,
      rope_theta: positiveNumber.optional(),
      rope_parameters: rotation.nullish(),
      /** Of an mmproj: two rows of queries or keys that turn together are neighbours. */
      rope_interleave: flag.default(false),
    },
    unreadConfigFields,
    {
      "Images keep their own size.": ["image_size"],
      "It says what the config is a part of.": ["is_composition"],
    },
  )
    .refine((c) => c.hidden_size % (4 * c.num_attention_heads) === 0, {
      path: ["num_attention_heads"],
      error: "a number of heads whose size is a multiple of 4",
    })
    .refine((c) => (c.head_dim ?? c.hidden_size / c.num_attention_heads) * c.num_attention_heads === c.hidden_size, {
      path: ["head_dim"],
      error: "hidden_size / num_attention_heads",
    }),
  image({ patch_size: patchSize }, source) {
    const own = pixtralImageProcessor(mergeOf(source));
    return readImagePlan(source, { imageSize: null, patchSize, grids: "native" }, own, [own]);
  },
  read(config, tensors, base) {
    const { hidden_size: d, intermediate_size: width, patch_size: p, hidden_act: act } = config;
    const [prefix = ""] = tensors.prefixesOf("patch_conv.weight");
    const own = tensors.below(prefix);
    const layers = own.below("transformer.layers.");
    const blocks = Array.from({ length: config.num_hidden_layers }, (_, i) => {
      const block = layers.below(`${i}.`);
      const square = (name: string) => block.linear(`attention.${name}`, [d, d], false);
      const [query, key, value] = [square("q_proj"), square("k_proj"), square("v_proj")];
      const mlp = block.below("feed_forward.");
      const [gate, up] = [mlp.linear("gate_proj", [width, d], false), mlp.linear("up_proj", [width, d], false)];
      return {
        full: true,
        attention: linearGroup({ query, key, value }, { norm: block.rmsNorm("attention_norm", d) }),
        attentionOut: linearGroup({ out: square("o_proj") }),
        mlp: {
          type: "gated" as const,
          activation: act === "silu" ? act : activations[act],
          into: linearGroup({ gate, up }, { norm: block.rmsNorm("ffn_norm", d) }),
          out: linearGroup({ down: mlp.linear("down_proj", [d, width], false) }),
        },
      };
    });
    layers.requireAllUsed();
    return rotaryVitModel(base, {
      hiddenSize: d,
      heads: config.num_attention_heads,
      epsilon: EPSILON,
      rotation: {
        base: config.rope_parameters?.rope_theta ?? config.rope_theta ?? 10_000,
        staggered: true,
        interleaved: config.rope_interleave,
      },
      patchSize: p,
      patchKernels: [own.tensor("patch_conv.weight", [d, 3, p, p])],
      patchBias: null,
      patchNorm: null,
      positions: null,
      firstNorm: own.rmsNorm("ln_pre", d),
      windowSide: null,
      blocks,
    });
  },
});

/** Mistral 3 and LightOnOCR merge cells of patches, of which their processors make whole ones (`_process_images`). */
function mergeOf({ json }: FamilySource): number {
  const { model_type: type, spatial_merge_size: merge = 2 } = json;
  const merges = type === "mistral3" || type === "lighton_ocr";
  return merges && typeof merge === "number" ? merge : 1;
}
