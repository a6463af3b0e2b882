import * as z from "zod";
import {
  epsilon,
  flag,
  integer,
  looseSection,
  oneOf,
  positiveInteger,
  rgb,
  rgbScale,
  section,
} from "../fields/config-fields.ts";

/** `config.json` of a VQRAE checkpoint. */
export const vqraeConfig = section({
  model_type: z.literal("vqrae", { error: '"vqrae"' }),
  /** The vision config of the Hugging Face model that the encoder is, as it is: its family validates it. */
  encoder: looseSection({ model_type: z.string({ error: "a string" }) }),
  features: section({
    /** The block (1-based) whose tokens are the features; negative counts from the end, -1 is the last. */
    layer: integer,
    /** Apply the encoder's final LayerNorm to them. */
    postNorm: flag,
  }),
  codebook: section({
    size: positiveInteger,
    dim: positiveInteger,
    /** Whether the codebook's projection W has a bias. */
    bias: flag,
    /** The blocks that are quantized, in ascending order. */
    layers: z.array(integer, { error: "a list of layers" }).min(1, { error: "at least one layer" }).default([-1]),
    /** LayerNorm without affine on each of them first. */
    normalize: flag.default(false),
    /** One block's tokens beside the other's, or their sum (RAEv2, arXiv 2605.18324). */
    combine: oneOf("concat", "sum").default("concat"),
  }),
  decoder: section({
    hiddenSize: positiveInteger,
    intermediateSize: positiveInteger,
    layers: positiveInteger,
    heads: positiveInteger,
    /** Pixels of one token's square. */
    patchSize: positiveInteger,
    /** Side, in tokens, of what the pixel head sees for one square: 1 (the paper's) or odd. */
    headKernel: positiveInteger.refine((side) => side % 2 === 1, { error: "an odd number" }).default(1),
    layerNormEps: epsilon,
    activation: oneOf("gelu", "gelu_tanh"),
    /** Pixel in [0, 1] = head output * std + mean. */
    mean: rgb,
    std: rgbScale,
  }).refine(({ hiddenSize, heads }) => hiddenSize % heads === 0, {
    path: ["heads"],
    error: "a divisor of decoder.hiddenSize",
  }),
  /** A classification head on the encoder's class token; left out where there is none. */
  classifier: section({
    /** The names of the classes, by index. */
    labels: z.array(z.string({ error: "a name" }), { error: "a list of names" }).min(1, { error: "at least one name" }),
  }).optional(),
  image: section({
    size: positiveInteger,
    /** Images are resized to this first (default: size), then the centre is cut out. */
    resizeTo: positiveInteger.optional(),
    resample: oneOf("bilinear", "bicubic", "lanczos", "box"),
    geometry: oneOf("stretch", "crop"),
    mean: rgb,
    std: rgbScale,
  }).refine(({ size, resizeTo = size }) => resizeTo >= size, { path: ["resizeTo"], error: "at least image.size" }),
});

export type VqraeConfig = z.infer<typeof vqraeConfig>;
