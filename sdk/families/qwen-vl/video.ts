import { join } from "node:path";
import { isFile, isObject, readJsonObject } from "../../files/read-file.ts";
import type { VideoPlan, VideoTime } from "../../image/view-plan.ts";
import type { FamilySource } from "../family.ts";
import { invalidConfig, parseConfig, positiveInteger, section } from "../fields/config-fields.ts";
import { half, never, openai, pixelFields, pixelsOf, processorFields } from "../image/pixel-fields.ts";

const pixels = positiveInteger.nullish();

/** What the two classes of video processors differ in (transformers 5.18). */
const classes = {
  /** qwen2_vl/video_processing_qwen2_vl.py */
  frame: { ...openai, patchSize: 14, shortest: 128 * 28 * 28, longest: 28 * 28 * 768 },
  /** qwen3_vl/video_processing_qwen3_vl.py */
  video: { mean: half, std: half, patchSize: 16, shortest: 128 * 32 * 32, longest: 32 * 32 * 768 },
} as const;

/** Frames are given, so nothing is sampled. */
const sampling = [
  "fps",
  "num_frames",
  "min_frames",
  "max_frames",
  "do_sample_frames",
  "max_duration",
  "return_metadata",
];

interface VideoSpec {
  /** Whether the range of pixels is that of a frame (Qwen2-VL's class) or of the whole video (Qwen3-VL's). */
  readonly pixelsOf: VideoPlan["pixelsOf"];
  readonly time: VideoTime;
  readonly patchSize: number;
  readonly merge: number;
}

/**
 * How a checkpoint's videos are prepared, as its video processor's file says. An mmproj has none: its images' channels, and
 * the class's own range of pixels, which is that of Qwen's own programs too.
 * @throws INVALID_CONFIG naming the field that is not known, does not validate, or asks for what cannot be done
 */
export async function qwenVlVideoPlan(source: FamilySource, spec: VideoSpec): Promise<VideoPlan> {
  const { pixelsOf: of, time, patchSize, merge } = spec;
  const { shortest, longest, mean, std, patchSize: ownPatch } = classes[of];
  const schema = processorFields(
    {
      ...pixelFields({ resample: "bicubic", mean, std }),
      size: section({ shortest_edge: pixels, longest_edge: pixels, min_pixels: pixels, max_pixels: pixels }).optional(),
      min_pixels: positiveInteger.optional(),
      max_pixels: positiveInteger.optional(),
      patch_size: positiveInteger.default(ownPatch),
      merge_size: positiveInteger.default(2),
      temporal_patch_size: positiveInteger.default(2),
      do_center_crop: never,
      do_pad: never,
    },
    {
      "Frames are given: nothing is sampled.": sampling,
      "It is the class's name.": ["video_processor_type", "image_processor_type"],
      "Nothing is cropped, and size is never a bare number.": ["crop_size", "default_to_square"],
    },
  );
  const {
    file,
    path,
    fields: raw,
  } = source.processor ? ofMmproj(source.folder, source.processor) : await readFile(source.folder);
  const fields = parseConfig(
    schema,
    Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== null)),
    file,
    path,
  );
  const required = { patch_size: patchSize, merge_size: merge, temporal_patch_size: 2 } as const;
  for (const name of ["patch_size", "merge_size", "temporal_patch_size"] as const) {
    if (fields[name] === required[name]) continue;
    throw invalidConfig(`${required[name]}, as the encoder has it`, [...path, name], file, fields[name]);
  }
  const { size = {} } = fields;
  const minPixels = fields.min_pixels ?? size.min_pixels ?? size.shortest_edge ?? shortest;
  const maxPixels = fields.max_pixels ?? size.max_pixels ?? size.longest_edge ?? longest;
  const range = { factor: patchSize * merge, minPixels, maxPixels, leastSide: 0 };
  return { ...pixelsOf(fields), pixels: range, pixelsOf: of, time };
}

function ofMmproj(file: string, { patch_size, merge_size, image_mean, image_std }: Record<string, unknown>) {
  return { file, path: [], fields: { patch_size, merge_size, image_mean, image_std } };
}

/** In the order in which transformers looks (`BaseVideoProcessor.get_video_processor_dict`). */
async function readFile(folder: string) {
  const combined = join(folder, "processor_config.json");
  const { video_processor: inside } = (await isFile(combined)) ? await readJsonObject(combined, "INVALID_CONFIG") : {};
  if (isObject(inside)) return { file: combined, path: ["video_processor"], fields: inside };
  for (const name of ["video_preprocessor_config.json", "preprocessor_config.json"]) {
    const file = join(folder, name);
    if (await isFile(file)) return { file, path: [], fields: await readJsonObject(file, "INVALID_CONFIG") };
  }
  return { file: join(folder, "video_preprocessor_config.json"), path: [], fields: {} };
}
