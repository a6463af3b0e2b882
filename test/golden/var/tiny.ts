import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeWeights } from "../tokenizers/weights.ts";

interface Tiny {
  /** The tensors of make_var.py's tiny model. */
  readonly tensors: Readonly<Record<string, readonly number[]>>;
  /** Which of the four convolutions each scale has, by how many scales there are. */
  readonly phis: Readonly<Record<string, readonly number[]>>;
}

export const { tensors, phis }: Tiny = JSON.parse(await readFile(join(import.meta.dirname, "shapes.json"), "utf8"));

export const config = { model_type: "vqgan", variant: "var", image_size: 80, scales: [1, 2, 3, 4, 5] };

/** Its folder, with pictures of 80 pixels. */
export async function writeTinyVar(folder: string, changes: object = {}, weights = tensors): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeWeights(join(folder, "model.safetensors"), weights);
  await writeFile(join(folder, "config.json"), JSON.stringify({ ...config, ...changes }));
  return folder;
}
