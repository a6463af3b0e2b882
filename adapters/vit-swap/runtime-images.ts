import { type Embedder, encodePng, type ImageInput, readImage, type Views } from "../../sdk/index.ts";
import { mmprojTypes, typeOfProjector } from "./mmproj/types.ts";

/**
 * An image as files for a runtime of an mmproj (llama-server, Ollama, LM Studio): one PNG for each view. Give them to the model
 * one after the other, in this order. Each is exactly as large as the tower takes it, so the runtime copies its pixels.
 * Otherwise it would resize them by its own rules, which differ from the model's.
 *
 * Idefics3 and SmolVLM get one PNG, the image as it was read: the runtime cuts every image into tiles as these models do, and
 * would cut each tile again.
 *
 * @param tokenizer loaded with the model's projector, whose tiles it makes
 * @throws as `tokenizer.embedViews`
 */
export async function runtimeImages(
  tokenizer: Views & Pick<Embedder, "info">,
  image: ImageInput,
): Promise<Uint8Array[]> {
  const type = typeOfProjector[tokenizer.info.projector?.type ?? ""];
  const cutsAlways = type !== undefined && mmprojTypes[type].images === "longest edge";
  const views = cutsAlways ? [await readImage(image)] : await tokenizer.embedViews(image);
  return Promise.all(views.map((view) => encodePng(view)));
}
