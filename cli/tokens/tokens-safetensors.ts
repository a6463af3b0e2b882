import { writeSafetensors } from "../../sdk/kit.ts";
import { type EncodedImages, stackTokens } from "./tokens.ts";

/** The arrays of `stackTokens` as tensors; the metadata has the model's name and the paths as a JSON list. */
export async function writeTokensSafetensors(path: string, encoded: EncodedImages): Promise<void> {
  const tensors = stackTokens(encoded).map(({ name, shape, data }) => ({
    name,
    dtype: data instanceof Int32Array ? ("I32" as const) : ("F32" as const),
    shape,
    data,
  }));
  await writeSafetensors(path, tensors, { model: encoded.info.modelId, images: JSON.stringify(encoded.images) });
}
