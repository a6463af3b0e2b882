import * as z from "zod";
import { oneOf, parseConfig, positiveInteger, rgb, rgbScale, section } from "../../families/fields/config-fields.ts";
import { readJsonObject } from "../../files/read-file.ts";

const name = z.string({ error: "a name" }).min(1, { error: "a name" });

const descriptionSchema = section({
  name,
  input: section({
    size: positiveInteger.nullable(),
    resample: oneOf("box", "bilinear", "bicubic", "lanczos").optional(),
    mean: rgb,
    std: rgbScale,
  }),
  features: name,
  taps: z.array(name, { error: "a list of names" }).optional(),
  labels: z.array(name, { error: "a list of names" }).min(1, { error: "a list of names" }).optional(),
});

/** What the file beside an ONNX network says about it. */
export interface NetworkDescription {
  /** What numbers on it are named by. */
  readonly name: string;
  readonly input: {
    /** Images are brought to this many pixels a side; null leaves them as they are. */
    readonly size: number | null;
    /** Pillow's filter for that (default bilinear). */
    readonly resample: "box" | "bilinear" | "bicubic" | "lanczos";
    /** Of pixels in [0, 1]: (pixel - mean) / std goes into the network, [1, 3, h, w]. */
    readonly mean: readonly number[];
    readonly std: readonly number[];
  };
  /** The output with the feature vector, [1, dim] or [1, dim, 1, 1]. */
  readonly features: string;
  /** Outputs for perceptual distances, [1, channels, h, w] or [1, positions, channels]. */
  readonly taps: readonly string[];
  /** Of a classifier: the names of the classes whose logits `features` are; null for any other network. */
  readonly labels: readonly string[] | null;
}

/** @throws CHECKPOINT_NOT_FOUND, or INVALID_CONFIG that names the field */
export async function readNetworkDescription(file: string): Promise<NetworkDescription> {
  const {
    input,
    taps = [],
    labels = null,
    ...rest
  } = parseConfig(descriptionSchema, await readJsonObject(file, "INVALID_CONFIG"), file);
  return { ...rest, taps, labels, input: { ...input, resample: input.resample ?? "bilinear" } };
}
