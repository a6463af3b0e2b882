import * as z from "zod";
import { type ActivationName, activationName, activations } from "../fields/activations.ts";
import { epsilon, flag, looseSection, positiveInteger } from "../fields/config-fields.ts";
import { knownSection, type UnreadFields } from "../fields/known-section.ts";
import { unreadConfigFields } from "../fields/unread-config-fields.ts";
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

/** What a family's vision config has besides the fields that all share. */
export interface OwnFields {
  readonly schema: z.ZodType<{ change: (config: VisionConfig) => Partial<VisionConfig> }>;
  /** The names that are known through it. */
  readonly known: UnreadFields;
}

/**
 * A family's own fields, what they change of the config that the shared ones give, and those that change nothing (`unread`),
 * by reason.
 */
export const ownFields = <T extends z.core.$ZodLooseShape>(
  fields: T,
  change: (own: z.infer<z.ZodObject<T>>, config: VisionConfig) => Partial<VisionConfig>,
  unread: UnreadFields = {},
): OwnFields => ({
  schema: looseSection(fields).transform((own) => ({
    change: (config: VisionConfig) => change(own as z.infer<z.ZodObject<T>>, config),
  })),
  known: { ...unread, "The family reads them itself.": Object.keys(fields) },
});

/**
 * The vision config in the field names that most of transformers' encoders share, with a family's own defaults and fields.
 * Any other field is refused by its name, since it may change features.
 */
export function visionConfig(defaults: VisionDefaults, own?: OwnFields): z.ZodType<VisionConfig> {
  const fields = {
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
    // What other transformers have and these do not: only the values that change nothing are taken.
    num_key_value_heads: positiveInteger.nullish(),
    head_dim: positiveInteger.nullish(),
  };
  const shared = knownSection(fields, unreadConfigFields, own?.known ?? {})
    .refine((c) => c.hidden_size % c.num_attention_heads === 0, {
      path: ["num_attention_heads"],
      error: "a divisor of hidden_size",
    })
    .refine((c) => (c.num_key_value_heads ?? c.num_attention_heads) === c.num_attention_heads, {
      path: ["num_key_value_heads"],
      error: "as many as num_attention_heads",
    })
    .refine((c) => (c.head_dim ?? c.hidden_size / c.num_attention_heads) === c.hidden_size / c.num_attention_heads, {
      path: ["head_dim"],
      error: "hidden_size / num_attention_heads",
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
  return z.intersection(shared, own.schema).transform(({ change, ...config }) => ({ ...config, ...change(config) }));
}
