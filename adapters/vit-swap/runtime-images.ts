import { encodePng, type ImageInput, type Views } from "../../sdk/index.ts";

/**
 * An image as files for a runtime of an mmproj (llama-server, Ollama, LM Studio): one PNG a view, each exactly as large as the
 * tower takes it, so that the runtime copies its pixels. It would resize them by rules of its own, which differ from the
 * model's. Give them to the model one after the other, in this order.
 *
 * @param tokenizer loaded with the model's projector, whose tiles it makes
 * @throws as `tokenizer.embed`
 */
export async function runtimeImages(tokenizer: Views, image: ImageInput): Promise<Uint8Array[]> {
  const views = await tokenizer.embedViews(image);
  return Promise.all(views.map((view) => encodePng(view)));
}
