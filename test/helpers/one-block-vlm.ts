import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openTensors, readTensor, type TensorToWrite, writeSafetensors } from "../../sdk/kit.ts";

/**
 * The shipped VLM with a projector that reads the encoder's last block alone, which an mmproj can hold: what it learnt of the other
 * block is left out. Its answers are a trained model's, about a picture that it half sees.
 * @param shipped the VLM's folder
 */
export async function writeOneBlockVlm(shipped: string, folder: string): Promise<void> {
  const config = JSON.parse(await readFile(join(shipped, "config.json"), "utf8"));
  const width: number = config.hidden_size;
  const both = config.features.layer.length * width;
  const tensors: TensorToWrite[] = [];
  for (const [name, tensor] of await openTensors(shipped)) {
    const { shape, dtype } = tensor;
    if (dtype !== "F16" && dtype !== "F32") throw new Error(`Expected floats for ${name} but received ${dtype}`);
    const data = await readTensor({ ...tensor, dtype });
    if (shape.at(-1) !== 4 * both) tensors.push({ name, dtype: "F32", shape, data });
    else {
      // Four tokens become one: of each the last block's numbers.
      const kept = data.filter((_, i) => i % both >= both - width);
      tensors.push({ name, dtype: "F32", shape: [...shape.slice(0, -1), 4 * width], data: kept });
    }
  }
  await writeSafetensors(join(folder, "model.safetensors"), tensors, { format: "pt" });
  const features = { ...config.features, layer: config.features.layer.at(-1) };
  await writeFile(join(folder, "config.json"), JSON.stringify({ ...config, features }));
  await copyFile(join(shipped, "llm.gguf"), join(folder, "llm.gguf"));
}
