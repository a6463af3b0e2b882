import { VqraeError } from "../errors.ts";
import { abortable } from "../runtime/pool/abort.ts";
import type { ImageInput } from "./image.ts";

/** Whether `input` is many images rather than one. */
export const isManyImages = (input: ImageInput | readonly ImageInput[]): input is readonly ImageInput[] =>
  Array.isArray(input);

/** Runs `work`. A `VqraeError` of it names image `index` of many; null stands for an image that came alone. */
export async function atImage<T>(index: number | null, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (index === null || !VqraeError.isInstance(error)) throw error;
    throw error.at(index, "images");
  }
}

/**
 * Does the same with one image or with each of many, one after the other. This is what `encode` and `embed` of a tokenizer
 * without batches need: one image gives one result and many give a list in their order, an error's `index` says which image
 * it is about, and the signal acts between images.
 *
 * @throws what `one` throws; the signal's reason
 */
export async function eachImage<T>(
  input: ImageInput | readonly ImageInput[],
  signal: AbortSignal | undefined,
  one: (image: ImageInput, signal: AbortSignal) => T | Promise<T>,
): Promise<T | T[]> {
  return abortable(signal, async (signal) => {
    if (!isManyImages(input)) return one(input, signal);
    const results: T[] = [];
    for (const [index, image] of [...input].entries()) {
      signal.throwIfAborted();
      results.push(await atImage(index, () => one(image, signal)));
    }
    return results;
  });
}
