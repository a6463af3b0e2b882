import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeWeights } from "../tokenizers/weights.ts";

/** The tensors of make_unitok.py's tiny model; its buffers are zeros, as in every checkpoint. */
export const shapes: Readonly<Record<string, readonly number[]>> = JSON.parse(
  await readFile(join(import.meta.dirname, "shapes.json"), "utf8"),
);

const zeros = (name: string) => /zero_k_bias$|pos_embed$|vocab_usage$/.test(name);

/** Its folder, with pictures of 64 pixels. */
export async function writeTinyUnitok(folder: string, tensors = shapes): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeWeights(join(folder, "model.safetensors"), tensors, zeros);
  await writeFile(join(folder, "config.json"), JSON.stringify({ model_type: "unitok", image_size: 64 }));
  return folder;
}
