import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeWeights } from "../tokenizers/weights.ts";

/** The tensors of make_ta_tok.py's tiny model. */
export const shapes: Readonly<Record<string, readonly number[]>> = JSON.parse(
  await readFile(join(import.meta.dirname, "shapes.json"), "utf8"),
);

export const config = { model_type: "ta_tok", image_size: 50, patch_size: 6, num_attention_heads: 4 };

/** Its folder. `changes`: of its config.json */
export async function writeTinyTaTok(folder: string, changes: object = {}, tensors = shapes): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeWeights(join(folder, "model.safetensors"), tensors);
  await writeFile(join(folder, "config.json"), JSON.stringify({ ...config, ...changes }));
  return folder;
}
