import { encodePng, type ImageInput, type Views } from "../../sdk/index.ts";

/**
 * An image as files for a runtime of an mmproj (llama-server, Ollama, LM Studio): one PNG for each view. Give them to the model
 * one after the other, in this order. Each is exactly as large as the tower takes it, so the runtime copies its pixels.
 * Otherwise it would resize them by its own rules, which differ from the model's.
 *
 * @param tokenizer loaded with the model's projector, whose tiles it makes
 * @throws as `tokenizer.embedViews`
 */
export async function runtimeImages(tokenizer: Views, image: ImageInput): Promise<Uint8Array[]> {
  const views = await tokenizer.embedViews(image);
  return Promise.all(views.map((view) => encodePng(view)));
}
