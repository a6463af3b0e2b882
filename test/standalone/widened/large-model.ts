import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { narrowBF16, narrowF16 } from "../../../sdk/weights/half.ts";
import { openSafetensors } from "../../../sdk/weights/safetensors/open-safetensors.ts";
import { type TensorToWrite, writeSafetensors } from "../../../sdk/weights/safetensors/write-safetensors.ts";
import { uniform } from "../../helpers/random.ts";
import { writeJson } from "../checkpoint/temporary.ts";
import { tinyVqrae } from "../runtime/fixtures/tiny.ts";

/** Of the tiny tokenizer's encoder, and of this one's: 19 million weights, which take 76 MB as float32. */
const WIDER: Readonly<Record<number, number>> = { 32: 512, 64: 2048 };
const LAYERS = 6;

/** The tiny tokenizer with a wide and deep encoder, its weights random and in 16 bits. Its decoder and codebook stay small. */
export async function largeTensors(dtype: "F16" | "BF16"): Promise<TensorToWrite[]> {
  const { tensors } = await openSafetensors(join(tinyVqrae, "model.safetensors"));
  const shapes = new Map<string, readonly number[]>();
  for (const { name, shape } of tensors.values()) {
    const own = name.startsWith("encoder.") ? shape.map((size) => WIDER[size] ?? size) : shape;
    if (!name.startsWith("encoder.encoder.layer.")) shapes.set(name, own);
    else if (name.includes(".layer.0.")) {
      for (let i = 0; i < LAYERS; i++) shapes.set(name.replace(".layer.0.", `.layer.${i}.`), own);
    }
  }
  shapes.set("quantizer.in_proj.weight", [16, 1024]); // of two layers' tokens
  const random = uniform(1);
  const narrow = dtype === "F16" ? narrowF16 : narrowBF16;
  return Array.from(shapes, ([name, shape]) => {
    const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
    const norm = name.includes("norm") && name.endsWith("weight");
    const size = Math.sqrt(12 / (shape.length > 1 ? shape.slice(1).reduce((product, one) => product * one, 1) : 12));
    for (let i = 0; i < values.length; i++) values[i] = (norm ? 1 : 0) + size * (random() - 0.5);
    return { name, dtype, shape, data: narrow(values) };
  });
}

/** @param shards how many files it is in */
export async function writeLarge(folder: string, tensors: readonly TensorToWrite[], shards = 1): Promise<void> {
  const config = JSON.parse(await readFile(join(tinyVqrae, "config.json"), "utf8"));
  const wider = { hidden_size: 512, intermediate_size: 2048, num_hidden_layers: LAYERS, num_attention_heads: 8 };
  await writeJson(folder, "config.json", { ...config, encoder: { ...config.encoder, ...wider } });
  if (shards === 1) return writeSafetensors(join(folder, "model.safetensors"), tensors);
  const files = tensors.map((_, i) => `model-${i % shards}.safetensors`);
  for (const file of new Set(files)) {
    await writeSafetensors(
      join(folder, file),
      tensors.filter((_, i) => files[i] === file),
    );
  }
  const weight_map = Object.fromEntries(tensors.map(({ name }, i) => [name, files[i]]));
  await writeJson(folder, "model.safetensors.index.json", { weight_map });
}
