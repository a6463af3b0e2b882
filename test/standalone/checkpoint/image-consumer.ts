import type { EncoderImages, ImageProcessor } from "../../../sdk/families/image/image-processor.ts";
import { readImagePlan } from "../../../sdk/families/image/read-image-plan.ts";
import { vitImageProcessor } from "../../../sdk/families/vit/image.ts";
import type { ViewPlan } from "../../../sdk/image/view-plan.ts";
import { temporaryFolder, writeJson } from "./temporary.ts";

export interface Consumer {
  readonly encoder: EncoderImages;
  readonly processor: ImageProcessor;
  /** All of config.json, which may be a VLM's. */
  readonly config: Record<string, unknown>;
  /** The processors that a file may name, unless those of `all.ts`. */
  readonly known?: readonly ImageProcessor[];
}

/** An encoder of 224 pixels (patches of 16), by itself or, with a config, inside a VLM. */
export const encoder = (processor = vitImageProcessor, config = {}, imageSize = 224): Consumer => ({
  encoder: { grids: "trained", imageSize, patchSize: 16 },
  processor,
  config,
});

export const planIn = (folder: string, { encoder, processor, config, known }: Consumer): Promise<ViewPlan> =>
  readImagePlan({ folder, json: config, file: "config.json" }, encoder, processor, known);

/** What that encoder makes of a preprocessor_config.json. */
export async function read(config: unknown, file = "preprocessor_config.json", consumer = encoder()) {
  const folder = await temporaryFolder();
  await writeJson(folder, file, config);
  return planIn(folder, consumer);
}
