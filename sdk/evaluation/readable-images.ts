import type { RgbImage } from "../contract/image.ts";
import { expectedBut, VqraeError, type VqraeErrorCode } from "../errors.ts";
import { readImage } from "../image/read/read-image.ts";
import type { LabelledFile } from "./image-folder.ts";

/** An image that could not be read. Reports count and list it. */
export interface FailedImage {
  readonly path: string;
  readonly code: VqraeErrorCode;
  readonly message: string;
}

/** How `readableImages` reads. */
export interface ReadImagesOptions {
  /** Images in one batch. */
  readonly batchSize?: number;
  readonly maxPixels?: number | undefined;
  /** What is done with each image before the next one is read, such as a crop. */
  readonly prepare?: (image: RgbImage) => RgbImage;
  readonly onFailure: (failure: FailedImage) => void;
  readonly signal?: AbortSignal | undefined;
}

/** As many as a tokenizer's graph runs take at once. */
const BATCH = 8;

/**
 * Reads images in batches, in order. An image that cannot be read goes to `onFailure`. Only one batch is in memory.
 * @throws MISSING_DEPENDENCY without sharp; the signal's reason
 */
export async function* readableImages<F extends LabelledFile>(
  files: readonly F[],
  { batchSize = BATCH, maxPixels, prepare = (image) => image, onFailure, signal }: ReadImagesOptions,
): AsyncGenerator<{ file: F; image: RgbImage }[]> {
  let batch: { file: F; image: RgbImage }[] = [];
  for (const file of files) {
    signal?.throwIfAborted();
    try {
      batch.push({ file, image: prepare(await readImage(file.path, { maxPixels })) });
    } catch (error) {
      if (!isAboutTheImage(error)) throw error;
      onFailure({ path: file.path, code: error.code, message: error.message });
    }
    if (batch.length === batchSize) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}

/** Whether the image is at fault: a missing sharp is not its fault. */
const isAboutTheImage = (error: unknown): error is VqraeError =>
  VqraeError.isInstance(error) && ["INVALID_IMAGE", "IMAGE_TOO_LARGE", "INVALID_ARGUMENT"].includes(error.code);

/** The error for a folder of which no image could be read. */
export function noneReadable(failed: readonly FailedImage[]): VqraeError {
  const received = failed[0] ? `${failed.length} that cannot be read, the first: ${failed[0].message}` : "none";
  return expectedBut("INVALID_ARGUMENT", "at least one readable image", "a measurement", received);
}
