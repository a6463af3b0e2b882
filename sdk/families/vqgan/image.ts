import { join } from "node:path";
import { z } from "zod";
import { isFile, readJsonObject } from "../../files/read-file.ts";
import type { SquarePlan } from "../../image/view-plan.ts";
import { flag, parseConfig, positiveInteger, rgb, rgbScale, section } from "../fields/config-fields.ts";

const openaiMean = [0.48145466, 0.4578275, 0.40821073] as const;
const openaiStd = [0.26862954, 0.26130258, 0.27577711] as const;
const yes = z.literal(true, { error: "true" });

/** Fields of Janus' processor that change no pixel. */
const unread = z.unknown().optional();
const fields = section({
  do_resize: yes.default(true),
  do_rescale: yes.default(true),
  do_normalize: flag.default(true),
  do_pad: yes.default(true),
  do_convert_rgb: unread,
  size: section({ height: positiveInteger, width: positiveInteger }).default({ height: 384, width: 384 }),
  min_size: positiveInteger.default(14),
  resample: z.literal(3, { error: "3 (bicubic)" }).default(3),
  rescale_factor: unread,
  image_mean: rgb.default([...openaiMean]),
  image_std: rgbScale.default([...openaiStd]),
  background_color: unread, // the class computes it from image_mean whatever the file says
  image_processor_type: unread,
  processor_class: unread,
  num_image_tokens: unread,
});

/** Janus' own image processor: the longer side to `size`, the rest filled with the mean colour (transformers/models/janus). */
export async function janusImage(folder: string, side: number): Promise<SquarePlan> {
  const combined = join(folder, "processor_config.json");
  const whole = (await isFile(combined)) ? await readJsonObject(combined, "INVALID_CONFIG") : {};
  const own = join(folder, "preprocessor_config.json");
  const [file, json, path] =
    "image_processor" in whole
      ? ([combined, whole.image_processor, ["image_processor"]] as const)
      : ([own, (await isFile(own)) ? await readJsonObject(own, "INVALID_CONFIG") : {}, []] as const);
  const parsed = parseConfig(fields, json, file, path);
  const { mean, std } = parsed.do_normalize
    ? { mean: parsed.image_mean, std: parsed.image_std }
    : { mean: [0, 0, 0] as const, std: [1, 1, 1] as const };
  const [red, green, blue] = parsed.image_mean;
  return {
    geometry: "fit",
    size: side,
    resizeTo: side,
    minSide: parsed.min_size,
    resample: "bicubic",
    mean,
    std,
    background: [Math.trunc(red * 255), Math.trunc(green * 255), Math.trunc(blue * 255)],
    tiling: null,
  };
}
