import { join } from "node:path";
import { isFile, isObject, readJsonObject } from "../../files/read-file.ts";
import type { ViewPlan } from "../../image/view-plan.ts";
import type { FamilySource } from "../family.ts";
import { invalidConfig, parseConfig, valueAt } from "../fields/config-fields.ts";
import { imageProcessors, vlmImageCodes } from "./all.ts";
import type { EncoderImages, ImageConsumer, ImageProcessor, RawFields, Refuse } from "./image-processor.ts";

/**
 * How a checkpoint's images are prepared: as its `processor_config.json` (transformers 5) or `preprocessor_config.json` says,
 * else by its family's processor at the encoder's own size; and as its VLM's code does by config.json.
 *
 * @param own the family's processor, for a folder without such a file and for a file that names none
 * @param known the processors that a file may name
 * @throws INVALID_CONFIG naming the field that is not known, does not validate, or asks for what cannot be done
 */
export async function readImagePlan(
  { folder, json, file: configFile, processor: given }: ImageSource,
  encoder: EncoderImages,
  own: ImageProcessor,
  known: readonly ImageProcessor[] = imageProcessors,
): Promise<ViewPlan> {
  const source = given ? givenFields(given, configFile) : await readProcessorFile(folder);
  const processor = processorOf(source, encoder, own, known);
  const code = processor.plain ? vlmImageCodes.find(({ marker }) => marker in json) : undefined;
  const config = code && parseConfig(code.config, json, configFile);
  const around = code?.fields(config, encoder);
  const raw = {
    ...around?.defaults,
    // transformers writes null for "not set".
    ...Object.fromEntries(Object.entries(source.fields).filter(([, value]) => value !== null)),
    ...around?.overrides,
    ...processor.setBy?.[source.processorClass],
  };
  const fields = parseConfig(processor.fields, raw, source.file, source.path);
  const consumer: ImageConsumer = {
    ...encoder,
    sizeOr: (classDefault) => (source.exists ? classDefault : (encoder.imageSize ?? classDefault)),
    refuse: (what, path, mend) =>
      invalidConfig(
        what,
        [...source.path, ...path],
        source.file,
        valueAt(source.fields, path) ?? valueAt(raw, path),
        mend,
      ),
  };
  const plan = processor.plan(fields, consumer);
  if (!code || plan.geometry === "native") return plan;
  const refuseConfig: Refuse = (what, path, mend) => invalidConfig(what, path, configFile, valueAt(json, path), mend);
  return code.plan(config, { square: plan, fields, consumer, refuseConfig });
}

/** `processor` is left out for a folder. */
type ImageSource = Pick<FamilySource, "folder" | "json" | "file"> & Partial<Pick<FamilySource, "processor">>;

const givenFields = (fields: RawFields, file: string): ProcessorFile => ({
  file,
  path: [],
  fields,
  processorClass: "",
  exists: true,
});

interface ProcessorFile {
  readonly file: string;
  /** Where in the file the image processor's fields are. */
  readonly path: readonly string[];
  readonly fields: RawFields;
  /** "" where none is named. */
  readonly processorClass: string;
  readonly exists: boolean;
}

/** transformers looks in the same order; an older processor_config.json has no `image_processor`. */
async function readProcessorFile(folder: string): Promise<ProcessorFile> {
  const combined = join(folder, "processor_config.json");
  const whole = (await isFile(combined)) ? await readJsonObject(combined, "INVALID_CONFIG") : {};
  const { image_processor: inside, processor_class: outer } = whole;
  const named = (value: unknown) => (typeof value === "string" ? value : "");
  if (isObject(inside)) {
    const path = ["image_processor"];
    return { file: combined, path, fields: inside, processorClass: named(outer), exists: true };
  }
  const file = join(folder, "preprocessor_config.json");
  const exists = await isFile(file);
  const fields = exists ? await readJsonObject(file, "INVALID_CONFIG") : {};
  return { file, path: [], fields, processorClass: named(fields.processor_class ?? outer), exists };
}

/** The processor that a file names, which must make images of the kind that the encoder takes. */
function processorOf(
  { fields, file, path }: ProcessorFile,
  { grids }: EncoderImages,
  own: ImageProcessor,
  known: readonly ImageProcessor[],
): ImageProcessor {
  const key = "image_processor_type" in fields ? "image_processor_type" : "feature_extractor_type";
  const type = fields[key] ?? null;
  if (type === null) return own;
  // "ViTFeatureExtractor" is the old name, "ViTImageProcessorFast" and "...Pil" are variants of one processor.
  const name = String(type)
    .replace(/(Fast|Pil)$/, "")
    .replace(/FeatureExtractor$/, "ImageProcessor");
  const makes = grids === "native" ? "native" : "squares";
  const fitting = known.filter((processor) => processor.makes === makes);
  const found = fitting.find(({ classes }) => classes.includes(name));
  if (found) return found;
  const names = fitting.flatMap(({ classes }) => classes).join(", ");
  throw invalidConfig(`one of ${names}`, [...path, key], file, type);
}
