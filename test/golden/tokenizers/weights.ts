import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { lfqVariantNames } from "../../../sdk/families/lfq/variants.ts";
import { vqganVariantNames } from "../../../sdk/families/vqgan/variants.ts";
import { writeSafetensors } from "../../../sdk/weights/safetensors/write-safetensors.ts";

/** The tokenizers of make_tokenizers.py, whose files are weights alone; VAR has a maker of its own. */
export const tinyVariants = [...vqganVariantNames.filter((name) => name !== "var"), ...lfqVariantNames];

/** The tensors of make_tokenizers.py's tiny models, by tokenizer. */
export const shapes: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>> = JSON.parse(
  await readFile(join(import.meta.dirname, "shapes.json"), "utf8"),
);

/** A checkpoint's folder of a tiny tokenizer, with pictures of 32 pixels. */
export async function writeTiny(folder: string, variant: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeWeights(join(folder, "model.safetensors"), shapes[variant] ?? {});
  const model_type = lfqVariantNames.some((name) => name === variant) ? "lfq" : "vqgan";
  await writeFile(join(folder, "config.json"), JSON.stringify({ model_type, variant, image_size: 32 }));
  return folder;
}

/** Writes the weights of originals.py's `weight`, which names and shapes alone decide, and zeros where `zeros` says so. */
export async function writeWeights(
  path: string,
  tensors: Readonly<Record<string, readonly number[]>>,
  zeros: (name: string) => boolean = () => false,
): Promise<void> {
  const prefix = "gen_vision_model.";
  await writeSafetensors(
    path,
    Object.entries(tensors).map(([name, shape]) => ({
      name,
      dtype: "F32",
      shape,
      data: zeros(name)
        ? new Float32Array(shape.reduce((product, size) => product * size, 1))
        : weight(name.startsWith(prefix) ? name.slice(prefix.length) : name, shape),
    })),
  );
}

/** The values of one tensor. */
export function weight(name: string, shape: readonly number[]): Float32Array {
  const fan = shape.slice(1).reduce((product, size) => product * size, 1);
  const spread = name.includes("embed") ? 2 : 2 ** Math.round(Math.log2(5 / Math.sqrt(fan)));
  const start = shape.length === 1 && name.endsWith("weight") ? 1 : 0;
  const seed = crc32(name);
  const values = new Float32Array(fan * (shape[0] ?? 1));
  for (let i = 0; i < values.length; i++) {
    let h = Math.imul(i + seed, 0x9e3779b1);
    h ^= h >>> 15;
    h = Math.imul(h, 0x85ebca77);
    h ^= h >>> 13;
    const uniform = (h >>> 8) / 2 ** 24 - 0.5;
    values[i] = shape.length === 1 ? start + uniform * 0.5 : uniform * spread;
  }
  return values;
}
