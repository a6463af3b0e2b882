import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeTinyTaTok } from "../ta-tok/tiny.ts";
import { writeWeights } from "../tokenizers/weights.ts";

/** The tensors of make_ar_dtok.py's tiny models: what draws, and the tokenizer whose ids it draws. */
export const shapes: Readonly<Record<"drawer" | "vq", Readonly<Record<string, readonly number[]>>>> = JSON.parse(
  await readFile(join(import.meta.dirname, "shapes.json"), "utf8"),
);

/** The folder of a tiny TA-Tok with its decoder of pixels. `changes`: of its config.json */
export async function writeTinyTar(folder: string, changes: object = {}): Promise<string> {
  await writeTinyTaTok(folder, changes);
  await mkdir(join(folder, "decoder"), { recursive: true });
  await writeWeights(join(folder, "decoder/ar_dtok_lp_256px.safetensors"), shapes.drawer);
  await writeWeights(join(folder, "decoder/vq_ds16_t2i.safetensors"), shapes.vq);
  return folder;
}
