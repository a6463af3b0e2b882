import { join } from "node:path";
import { type TensorToWrite, writeSafetensors } from "../../../sdk/weights/safetensors/write-safetensors.ts";
import { temporaryFolder, writeJson } from "../checkpoint/temporary.ts";

/** A `vqrae_projector` of an encoder's width, cells of 1 x 1, to a language model's 6. */
const tinyProjectorConfig = (width: number) => ({
  model_type: "vqrae_projector",
  projector_type: "internvl",
  hidden_size: width,
  text_hidden_size: 6,
  downsample_ratio: 1,
  layer_norm_eps: 1e-5,
  features: { layer: -1, postNorm: true } as { layer: number | number[]; postNorm: boolean },
  image_prefix: "<image>",
  image_suffix: "</image>",
  tiles: null as { min: number; max: number; thumbnail: boolean } | null,
});

export type TinyProjectorConfig = ReturnType<typeof tinyProjectorConfig>;
export type Tensors = Record<string, { shape: number[]; data: Float32Array<ArrayBuffer> }>;

const tensor = (...shape: number[]) => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i * 0.7 + shape.length)),
});

/** Writes it to a temporary folder, after a test has changed what it wants. */
export async function writeTinyProjector(
  change: (config: TinyProjectorConfig, tensors: Tensors) => void = () => {},
  width = 16,
): Promise<string> {
  const config = tinyProjectorConfig(width);
  const tensors: Tensors = {
    "mlp1.0.weight": tensor(width),
    "mlp1.0.bias": tensor(width),
    "mlp1.1.weight": tensor(10, width),
    "mlp1.1.bias": tensor(10),
    "mlp1.3.weight": tensor(6, 10),
    "mlp1.3.bias": tensor(6),
  };
  change(config, tensors);
  const folder = await temporaryFolder();
  await writeJson(folder, "config.json", config);
  const list = Object.entries(tensors).map(([name, rest]): TensorToWrite => ({ name, dtype: "F32", ...rest }));
  await writeSafetensors(join(folder, "model.safetensors"), list);
  return folder;
}
