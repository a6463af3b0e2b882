import { join } from "node:path";
import { isFile, isObject, readJsonObject } from "../../files/read-file.ts";
import type { NativePlan, SquarePlan, Tiling, ViewPlan } from "../../image/view-plan.ts";
import { invalidConfig, parseConfig } from "../fields/config-fields.ts";
import type { VisionConfig, VitArchitecture } from "../vit/architecture.ts";
import { type ImageProcessor, imageProcessors } from "./image-processors.ts";
import { isCanvas, type ProcessorFields, processorFields, resampleByNumber } from "./processor-fields.ts";
import { squareSize } from "./square-size.ts";
import { processorClasses, readVlmImage } from "./vlm-image.ts";

/** The encoder that the images are for. */
export interface ImageConsumer {
  readonly family: Pick<VitArchitecture, "imageProcessor" | "grids">;
  readonly vision: Pick<VisionConfig, "imageSize" | "patchSize">;
  /** The whole model's config.json, which may be a vision language model's. */
  readonly config: Record<string, unknown>;
  /** Its path, for messages. */
  readonly file: string;
}

/**
 * How a checkpoint's images are prepared: its `processor_config.json` (transformers 5) or `preprocessor_config.json`,
 * else the defaults of its family's processor at the encoder's own size; and what its VLM's config.json adds.
 *
 * @throws INVALID_CONFIG naming the field that does not validate or that asks for what we cannot do
 */
export async function readImageSpec(folder: string, consumer: ImageConsumer): Promise<ViewPlan> {
  const source = await readProcessor(folder);
  const processor = processorOf(source, consumer.family);
  // transformers writes null for "not set".
  const set = Object.fromEntries(Object.entries(source.config).filter(([, value]) => value !== null));
  const fields = parseConfig(processorFields, set, source.file, source.path);
  return processor.kind === "native"
    ? nativeSpec(processor, fields, source, consumer)
    : squareSpec(processor, fields, source, consumer);
}

function nativeSpec(
  processor: ImageProcessor & { kind: "native" },
  fields: ProcessorFields,
  { file, path }: Source,
  { vision }: ImageConsumer,
): NativePlan {
  const patchField = processor.sizes ? "encoder_patch_size" : "patch_size";
  const patchSize = fields[patchField] ?? processor.patchSize;
  if (patchSize !== vision.patchSize) {
    const what = `${vision.patchSize}, the encoder's patch_size,`;
    throw invalidConfig(what, [...path, patchField], file, patchSize);
  }
  const values = pixelsOf(fields, processor);
  const { pixels = null, tiles = null } = processor.sizes?.(fields) ?? {};
  if (pixels) {
    const { factor, maxPixels } = pixels;
    if (tiles && tiles.size % factor !== 0)
      throw invalidConfig(`a multiple of ${factor}`, [...path, "tile_size"], file, tiles.size);
    const maxPatches = Math.max(maxPixels, (tiles?.size ?? 0) ** 2) / patchSize ** 2;
    return { geometry: "native", patchSize, maxPatches, pixels, tiles, ...values };
  }
  if (fields.do_pad) throw invalidConfig("false", [...path, "do_pad"], file, true);
  const maxPatches = fields.max_num_patches ?? processor.maxPatches;
  return { geometry: "native", patchSize, maxPatches, pixels, tiles, ...values };
}

function squareSpec(
  processor: ImageProcessor & { kind: "square" },
  fileFields: ProcessorFields,
  { file, path, config, processorClass }: Source,
  { family, vision, config: model, file: modelFile }: ImageConsumer,
): SquarePlan {
  // The image processors of LLaVA and InternVL in transformers do all that their models need.
  const isWhole = processor.padding !== null || processor.tiling !== null;
  const vlm = isWhole ? null : readVlmImage(model, modelFile, vision.imageSize);
  const fields = { ...vlm?.defaults, ...fileFields, ...vlm?.overrides, ...processorClasses.get(processorClass) };
  const tile = processor.tileSize?.(fields);
  const sized = tile === undefined ? fields : { ...fields, size: { height: tile, width: tile } };

  const refuse = (field: "size" | "crop_size", what: string) => {
    const mend = "Only squares are supported: stretched, or cut from the centre.";
    return invalidConfig(what, [...path, field], file, config[field] ?? fields[field], mend);
  };
  const { size, resizeTo, geometry } = squareSize(sized, processor, vision.imageSize, refuse);
  // Without interpolated positions the pixels must be as many as the encoder was trained on.
  if (size !== vision.imageSize && family.grids.kind === "trained")
    throw refuse(
      fields.crop_size === undefined ? "size" : "crop_size",
      `${vision.imageSize} pixels, the encoder's image_size,`,
    );

  const tiling = vlm ? vlm.tiling : (processor.tiling?.(fields) ?? null);
  if (tiling && size !== resizeTo) throw refuse("crop_size", `${resizeTo} pixels, the size that tiles are resized to,`);
  const [at, inFile] = vlm ? [["image_grid_pinpoints"], modelFile] : [[...path, "image_grid_pinpoints"], file];
  requireCanvases(tiling, size, (what, received) => invalidConfig(what, at, inFile, received));

  if (fields.do_pad && processor.padding === null) throw invalidConfig("false", [...path, "do_pad"], file, true);
  const pads = vlm ? vlm.padsToSquare : processor.padding === "square" && fields.do_pad;
  const [red, green, blue] = fields.image_mean ?? processor.mean;
  if (pads && !(Math.min(red, green, blue) >= 0 && Math.max(red, green, blue) <= 1)) {
    const what = "three numbers from 0 to 1, the colour that images are padded with,";
    throw invalidConfig(what, [...path, "image_mean"], file, fields.image_mean);
  }
  return {
    geometry: tiling ? "stretch" : geometry,
    size,
    resizeTo,
    background: pads ? [Math.trunc(red * 255), Math.trunc(green * 255), Math.trunc(blue * 255)] : null,
    tiling,
    ...pixelsOf(fields, processor),
  };
}

function pixelsOf(fields: ProcessorFields, processor: ImageProcessor) {
  const normalize = fields.do_normalize ?? true;
  return {
    resample: fields.resample === undefined ? processor.resample : resampleByNumber[fields.resample],
    mean: normalize ? (fields.image_mean ?? processor.mean) : ([0, 0, 0] as const),
    std: normalize ? (fields.image_std ?? processor.std) : ([1, 1, 1] as const),
  };
}

function requireCanvases(tiling: Tiling | null, tile: number, error: (what: string, received: unknown) => Error): void {
  if (tiling?.kind !== "anyres") return;
  const wrong = tiling.pinpoints.find(([height, width]) => !isCanvas(height, width, tile));
  if (wrong) throw error(`sides in multiples of ${tile} pixels, a tile's side,`, wrong);
}

interface Source {
  readonly file: string;
  /** Where in the file the image processor's fields are. */
  readonly path: readonly string[];
  readonly config: Record<string, unknown>;
  readonly processorClass: unknown;
}

/** transformers looks in the same order; an older processor_config.json has no `image_processor`. */
async function readProcessor(folder: string): Promise<Source> {
  const combined = join(folder, "processor_config.json");
  const whole = (await isFile(combined)) ? await readJsonObject(combined, "INVALID_CONFIG") : {};
  const { image_processor: config, processor_class: processorClass } = whole;
  if (isObject(config)) return { file: combined, path: ["image_processor"], config, processorClass };
  const file = join(folder, "preprocessor_config.json");
  const own = (await isFile(file)) ? await readJsonObject(file, "INVALID_CONFIG") : {};
  return { file, path: [], config: own, processorClass: own.processor_class ?? processorClass };
}

/** The processor that a file names, which must make images of the kind that the encoder takes. */
function processorOf({ config, file, path }: Source, { imageProcessor, grids }: ImageConsumer["family"]) {
  const key = "image_processor_type" in config ? "image_processor_type" : "feature_extractor_type";
  const type = config[key] ?? null;
  if (type === null) return imageProcessor;
  // "ViTFeatureExtractor" is the old name, "ViTImageProcessorFast" and "...Pil" are variants of one processor.
  const name = String(type)
    .replace(/(Fast|Pil)$/, "")
    .replace(/FeatureExtractor$/, "ImageProcessor");
  const known: Readonly<Record<string, ImageProcessor>> = imageProcessors;
  const kind = grids.kind === "native" ? "native" : "square";
  if (Object.hasOwn(known, name) && known[name]!.kind === kind) return known[name]!;
  const fitting = Object.keys(known).filter((other) => known[other]!.kind === kind);
  throw invalidConfig(`one of ${fitting.join(", ")}`, [...path, key], file, type);
}
