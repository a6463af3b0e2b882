import * as z from "zod";
import { epsilon, flag, layers, oneOf, positiveInteger, section } from "../fields/config-fields.ts";
import { tileCount } from "../image/tile-fields.ts";
import { activation, downsampleRatio, layerNorm, layout, linear } from "../projector/parts.ts";
import { defineProjectorFamily } from "../projector/projector-family.ts";

const text = z.string({ error: "a string" });

/** Our own folder, which training/ writes: InternVL's projector in its original names, with all that it needs beside it. */
export const vqraeProjector = defineProjectorFamily({
  type: "vqrae_projector",
  modelTypes: ["vqrae_projector"],
  marker: null,
  config: section({
    model_type: z.literal("vqrae_projector"),
    projector_type: oneOf("internvl"),
    /** The encoder's width. */
    hidden_size: positiveInteger,
    /** The language model's width. */
    text_hidden_size: positiveInteger,
    downsample_ratio: downsampleRatio,
    layer_norm_eps: epsilon,
    /** With several layers, a token has their features side by side. */
    features: section({ layer: layers, postNorm: flag }),
    image_prefix: text,
    image_suffix: text,
    /** InternVL's dynamic tiles, of the encoder's input size. */
    tiles: section({ min: tileCount, max: tileCount, thumbnail: flag })
      .refine(({ min, max }) => min <= max, { path: ["min"], error: "at most tiles.max" })
      .nullable(),
  }),
  landmark: "mlp1.0.weight",
  read(config, tensors) {
    const { hidden_size: width, text_hidden_size: out, downsample_ratio: factor, features, tiles } = config;
    return {
      inputDim: width * features.layer.length,
      features: { layers: features.layer, postNorm: features.postNorm, tokens: "patches" },
      ops: [
        { op: "pixel_shuffle", factor },
        layerNorm(tensors, "mlp1.0", config.layer_norm_eps),
        linear(tensors, "mlp1.1"),
        activation("gelu"),
        linear(tensors, "mlp1.3", { out }),
      ],
      layout: layout({ prefix: config.image_prefix, suffix: config.image_suffix }),
      tiling: tiles && { kind: "dynamic", ...tiles },
    };
  },
});
