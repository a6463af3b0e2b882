import { type ImageProcessor, imageProcessors } from "../../../sdk/families/image/image-processors.ts";
import { type ImageConsumer, readImageSpec } from "../../../sdk/families/image/preprocessor-config.ts";
import { temporaryFolder, writeJson } from "./temporary.ts";

/** An encoder of 224 pixels (patches of 16), by itself or, with a config, inside a VLM. */
export const encoder = (
  imageProcessor: ImageProcessor = imageProcessors.ViTImageProcessor,
  config = {},
  imageSize = 224,
): ImageConsumer => ({
  family: { imageProcessor, grids: { kind: "trained" } },
  vision: { imageSize, patchSize: 16 },
  config,
  file: "config.json",
});

/** What that encoder makes of a preprocessor_config.json. */
export async function read(config: unknown, file = "preprocessor_config.json", consumer = encoder()) {
  const folder = await temporaryFolder();
  await writeJson(folder, file, config);
  return readImageSpec(folder, consumer);
}
