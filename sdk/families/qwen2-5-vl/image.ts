import { join } from "node:path";
import { z } from "zod";
import { isFile, isObject, readJsonObject } from "../../files/read-file.ts";
import type { NativePlan } from "../../image/view-plan.ts";
import { flag, invalidConfig, parseConfig, positiveInteger, rgb, rgbScale, section } from "../fields/config-fields.ts";

const yes = z.literal(true, { error: "true" }).optional();
const unread = z.unknown().optional();
const pixels = positiveInteger.nullish();

/** Fields of Qwen2-VL's processor (transformers/models/qwen2_vl); those that are `unread` change no pixel of an image. */
const fields = section({
  do_resize: yes,
  do_rescale: yes,
  do_normalize: flag.default(true),
  do_convert_rgb: yes,
  /** Pixels of the whole image, whatever the names say. */
  size: section({ shortest_edge: pixels, longest_edge: pixels, min_pixels: pixels, max_pixels: pixels }).nullish(),
  min_pixels: pixels,
  max_pixels: pixels,
  resample: z.literal(3, { error: "3 (bicubic)" }).default(3),
  rescale_factor: unread,
  image_mean: rgb.default([0.48145466, 0.4578275, 0.40821073]),
  image_std: rgbScale.default([0.26862954, 0.26130258, 0.27577711]),
  patch_size: positiveInteger.default(14),
  temporal_patch_size: positiveInteger.default(2),
  merge_size: positiveInteger.default(2),
  image_processor_type: unread,
  processor_class: unread,
});

/** Qwen-VL's own image processor: an image's aspect ratio, as nearly as cells of patches allow, within a range of pixels. */
export async function qwen2VlImage(
  folder: string,
  { patchSize, merge }: { readonly patchSize: number; readonly merge: number },
): Promise<NativePlan> {
  const { file, json, path } = await processorFile(folder);
  const own = parseConfig(fields, json, file, path);
  for (const [name, value, wanted] of [
    ["patch_size", own.patch_size, patchSize],
    ["merge_size", own.merge_size, merge],
  ] as const) {
    if (value !== wanted) throw invalidConfig(`${wanted}, as config.json has it,`, [...path, name], file, value);
  }
  const factor = patchSize * merge;
  const minPixels = own.min_pixels ?? own.size?.min_pixels ?? own.size?.shortest_edge ?? 56 * 56;
  const maxPixels = own.max_pixels ?? own.size?.max_pixels ?? own.size?.longest_edge ?? 28 * 28 * 1280;
  if (minPixels > maxPixels) throw invalidConfig("at most max_pixels", [...path, "min_pixels"], file, minPixels);
  const normalize = own.do_normalize;
  return {
    geometry: "native",
    patchSize,
    maxPatches: Math.ceil(Math.max(maxPixels, factor * factor) / patchSize ** 2),
    pixels: { factor, minPixels, maxPixels, leastSide: 0 },
    tiles: null,
    resample: "bicubic",
    mean: normalize ? own.image_mean : [0, 0, 0],
    std: normalize ? own.image_std : [1, 1, 1],
  };
}

async function processorFile(folder: string) {
  const combined = join(folder, "processor_config.json");
  const whole = (await isFile(combined)) ? await readJsonObject(combined, "INVALID_CONFIG") : {};
  if (isObject(whole.image_processor))
    return { file: combined, json: whole.image_processor, path: ["image_processor"] };
  const file = join(folder, "preprocessor_config.json");
  return { file, json: (await isFile(file)) ? await readJsonObject(file, "INVALID_CONFIG") : {}, path: [] };
}
