import { join } from "node:path";
import { z } from "zod";
import type { Geometry, ImageSpec, Resample } from "./checkpoint.ts";
import { flag, invalidConfig, looseSection, parseConfig, positiveInteger, rgb, rgbScale } from "./config-fields.ts";
import { type ImageProcessor, imageProcessors } from "./families/image-processors.ts";
import { isFile, isObject, readJsonObject } from "./files.ts";

/** Pillow's numbers (`PIL.Image.Resampling`) of the filters that we have: not 0 (nearest) and 5 (hamming). */
const resampleByNumber: Readonly<Record<number, Resample>> = { 1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box" };

const sides = { error: "a whole number > 0, { height, width } or { shortest_edge }" };
const sizes = z.union(
  [
    positiveInteger,
    z.looseObject({ height: positiveInteger, width: positiveInteger }),
    z.looseObject({ shortest_edge: positiveInteger }),
  ],
  sides,
);
type Sizes = z.infer<typeof sizes>;

const unitScale = { error: "1/255: pixels are scaled to [0, 1]" };
const schema = looseSection({
  do_resize: z.literal(true, { error: "true" }),
  do_rescale: z.literal(true, { error: "true" }),
  do_normalize: flag,
  do_center_crop: flag,
  do_pad: z.literal(false, { error: "false" }),
  size: sizes,
  crop_size: sizes,
  resample: z.literal([1, 2, 3, 4], { error: "1 (lanczos), 2 (bilinear), 3 (bicubic) or 4 (box)" }),
  rescale_factor: z.number(unitScale).refine((value) => Math.abs(value * 255 - 1) < 1e-6, unitScale),
  image_mean: rgb,
  image_std: rgbScale,
}).partial();
type Fields = z.infer<typeof schema>;

/**
 * How a checkpoint's images are prepared: its `processor_config.json` (transformers 5) or `preprocessor_config.json`,
 * else the defaults of its family's processor at the encoder's own size.
 *
 * `interpolates`: whether the encoder takes images of another size than its own.
 *
 * @throws INVALID_CONFIG naming the field that does not validate or that asks for what we cannot do
 */
export async function readImageSpec(
  folder: string,
  familyProcessor: ImageProcessor,
  encoderSize: number,
  interpolates = false,
): Promise<ImageSpec> {
  const { file, path, config } = await readProcessor(folder);
  const processor = processorOf(config, familyProcessor, file, path);
  // transformers writes null for "not set".
  const set = Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null));
  const fields = parseConfig(schema, set, file, path);
  const normalize = fields.do_normalize ?? true;
  const refuse = (field: "size" | "crop_size", what: string) =>
    invalidConfig(
      what,
      [...path, field],
      file,
      config[field],
      "Only squares are supported: stretched, or cut from the centre.",
    );
  const { size, resizeTo, geometry } = squareOf(fields, processor, encoderSize, refuse);
  // Without interpolated positions the pixels must be as many as the encoder was trained on.
  if (size !== encoderSize && !interpolates)
    throw refuse(
      fields.crop_size === undefined ? "size" : "crop_size",
      `${encoderSize} pixels, the encoder's image_size,`,
    );
  return {
    size,
    resizeTo,
    geometry,
    resample: fields.resample === undefined ? processor.resample : resampleByNumber[fields.resample]!,
    mean: normalize ? (fields.image_mean ?? processor.mean) : [0, 0, 0],
    std: normalize ? (fields.image_std ?? processor.std) : [1, 1, 1],
  };
}

/** transformers looks in the same order; an older processor_config.json has no `image_processor`. */
async function readProcessor(folder: string) {
  const combined = join(folder, "processor_config.json");
  if (await isFile(combined)) {
    const { image_processor: config } = await readJsonObject(combined, "INVALID_CONFIG");
    if (isObject(config)) return { file: combined, path: ["image_processor"], config };
  }
  const file = join(folder, "preprocessor_config.json");
  return { file, path: [], config: (await isFile(file)) ? await readJsonObject(file, "INVALID_CONFIG") : {} };
}

function processorOf(config: Record<string, unknown>, fallback: ImageProcessor, file: string, path: string[]) {
  const key = "image_processor_type" in config ? "image_processor_type" : "feature_extractor_type";
  const type = config[key] ?? null;
  if (type === null) return fallback;
  // "ViTFeatureExtractor" is the old name, "ViTImageProcessorFast" and "...Pil" are variants of one processor.
  const name = String(type)
    .replace(/(Fast|Pil)$/, "")
    .replace(/FeatureExtractor$/, "ImageProcessor");
  const known: Readonly<Record<string, ImageProcessor>> = imageProcessors;
  if (Object.hasOwn(known, name)) return known[name]!;
  throw invalidConfig(`one of ${Object.keys(known).join(", ")}`, [...path, key], file, type);
}

/** The square that comes out, and whether the whole image is stretched into it or its centre is cut out. */
function squareOf(
  fields: Fields,
  processor: ImageProcessor,
  encoderSize: number,
  refuse: (field: "size" | "crop_size", what: string) => Error,
): { size: number; resizeTo: number; geometry: Geometry } {
  const resized = extent(fields.size ?? square(processor.size ?? encoderSize), processor.numberIsSquare);
  if (!resized) throw refuse("size", "a square");
  const crops = fields.do_center_crop ?? processor.crop !== null;
  if (!crops) {
    if (resized.geometry === "crop") throw refuse("size", "{ height, width } where nothing is cropped");
    return { ...resized, resizeTo: resized.size };
  }
  // A bare number as crop size always means a square.
  const cropped = extent(fields.crop_size ?? square(processor.crop ?? resized.size), true);
  if (cropped?.geometry !== "stretch") throw refuse("crop_size", "a square");
  // A larger crop would be padded.
  if (cropped.size > resized.size)
    throw refuse("crop_size", `at most ${resized.size}, the pixels images are resized to,`);
  return { size: cropped.size, resizeTo: resized.size, geometry: resized.geometry };
}

const square = (side: number): Sizes => ({ height: side, width: side });

/** The side and the kind of resize that a size stands for; null for what is not a square. */
function extent(size: Sizes, numberIsSquare: boolean): { size: number; geometry: Geometry } | null {
  if (typeof size === "number") return { size, geometry: numberIsSquare ? "stretch" : "crop" };
  if ("shortest_edge" in size) return { size: size.shortest_edge as number, geometry: "crop" };
  return size.height === size.width ? { size: size.height as number, geometry: "stretch" } : null;
}
