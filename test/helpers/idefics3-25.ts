import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type TensorToWrite, writeSafetensors } from "../../sdk/weights/safetensors/write-safetensors.ts";
import { readExpected } from "../golden/expected.ts";
import { temporaryFolder, writeJson } from "../standalone/checkpoint/temporary.ts";
import { gaussian, uniform } from "./random.ts";

const source = join(import.meta.dirname, "../golden/projector/idefics3");

/**
 * The Idefics3 fixture on 25 x 25 patches of images of 100 pixels, a grid whose positions are not in order, and 5 x 5 of its
 * patches a token. Positions and projector are random.
 */
export async function idefics3On25(): Promise<string> {
  const folder = await temporaryFolder();
  const json = async (file: string) => JSON.parse(await readFile(join(source, file), "utf8"));
  const config = await json("config.json");
  const vision_config = { ...config.vision_config, image_size: 100 };
  await writeJson(folder, "config.json", { ...config, scale_factor: 5, vision_config });
  const { image_processor: fields } = await json("processor_config.json");
  const edge = { longest_edge: 100 };
  await writeJson(folder, "preprocessor_config.json", { ...fields, max_image_size: edge, size: edge });
  const random = uniform(25);
  const tensors = Object.entries(readExpected(join(source, "model.safetensors"))).map(
    ([name, { shape, data }]): TensorToWrite => {
      if (name.endsWith("position_embedding.weight")) {
        return { name, dtype: "F32", shape: [625, 16], data: gaussian(random, 625 * 16, 1) };
      }
      if (name.endsWith("modality_projection.proj.weight")) {
        return { name, dtype: "F32", shape: [8, 400], data: gaussian(random, 8 * 400, 0.1) };
      }
      return { name, dtype: "F32", shape, data: Float32Array.from(data) };
    },
  );
  await writeSafetensors(join(folder, "model.safetensors"), tensors, { format: "pt" });
  return folder;
}
