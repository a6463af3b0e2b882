import { z } from "zod";
import { type ActivationName, activationName, activations } from "../fields/activations.ts";
import { epsilon, flag, looseSection, positiveInteger } from "../fields/config-fields.ts";
import type { VisionConfig } from "./architecture.ts";

/** A number of pixels, or [height, width] of a square. */
const side = z
  .union([positiveInteger, z.tuple([positiveInteger, positiveInteger])], {
    error: "a whole number > 0 or a pair of them",
  })
  .transform((size) => (typeof size === "number" ? ([size, size] as const) : size))
  .refine(([height, width]) => height === width, { error: "a square" })
  .transform(([height]) => height);

export interface VisionDefaults {
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly image_size: number;
  readonly patch_size: number;
  readonly layer_norm_eps: number;
  readonly hidden_act: ActivationName;
  readonly qkv_bias: boolean;
}

/** A family's own fields, and what they change of the config that the shared ones give. */
export const ownFields = <T extends z.core.$ZodLooseShape>(
  fields: T,
  change: (own: z.infer<z.ZodObject<T>>, config: VisionConfig) => Partial<VisionConfig>,
) =>
  looseSection(fields).transform((own) => ({
    change: (config: VisionConfig) => change(own as z.infer<z.ZodObject<T>>, config),
  }));

/** The vision config in the field names that most of transformers' encoders share, with a family's own defaults. */
export function visionConfig(
  defaults: VisionDefaults,
  own?: z.ZodType<{ change: (config: VisionConfig) => Partial<VisionConfig> }>,
): z.ZodType<VisionConfig> {
  const shared = looseSection({
    hidden_size: positiveInteger.default(defaults.hidden_size),
    intermediate_size: positiveInteger.default(defaults.intermediate_size),
    num_hidden_layers: positiveInteger.default(defaults.num_hidden_layers),
    num_attention_heads: positiveInteger.default(defaults.num_attention_heads),
    num_channels: z.literal(3, { error: "3 (RGB)" }).default(3),
    image_size: side.default(defaults.image_size),
    patch_size: side.default(defaults.patch_size),
    layer_norm_eps: epsilon.default(defaults.layer_norm_eps),
    hidden_act: activationName.default(defaults.hidden_act),
    qkv_bias: flag.default(defaults.qkv_bias),
  })
    .refine((c) => c.hidden_size % c.num_attention_heads === 0, {
      path: ["num_attention_heads"],
      error: "a divisor of hidden_size",
    })
    .refine((c) => c.patch_size <= c.image_size, { path: ["patch_size"], error: "at most image_size" })
    .transform(
      (c): VisionConfig => ({
        hiddenSize: c.hidden_size,
        intermediateSize: c.intermediate_size,
        layers: c.num_hidden_layers,
        heads: c.num_attention_heads,
        imageSize: c.image_size,
        patchSize: c.patch_size,
        layerNormEps: c.layer_norm_eps,
        activation: activations[c.hidden_act],
        qkvBias: c.qkv_bias,
        registers: 0,
        rmsNorm: false,
        qkNorm: false,
        postNorm: true,
      }),
    );
  if (!own) return shared;
  return z.intersection(shared, own).transform(({ change, ...config }) => ({ ...config, ...change(config) }));
}
