import { VqraeError } from "../../../sdk/index.ts";
import { expectedBut } from "../../../sdk/kit.ts";

/** A generated image that could not be read: it counts as wrong and is listed. */
export interface UnreadableImage {
  readonly filename: string;
  readonly message: string;
}

/** Runs `read`. If the image is at fault, returns null and adds the image to `unreadable`. */
export async function readOrList<T>(
  filename: string,
  unreadable: UnreadableImage[],
  read: () => Promise<T>,
): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (!VqraeError.isInstance(error) || !["INVALID_IMAGE", "IMAGE_TOO_LARGE"].includes(error.code)) throw error;
    unreadable.push({ filename, message: error.message });
    return null;
  }
}

/** No image of a folder could be scored: a score of 0 would be none of the model's. */
export function noneRead(folder: string, failed: readonly UnreadableImage[]): VqraeError {
  const [first] = failed;
  const received = first ? `${failed.length} that failed, the first, ${first.filename}: ${first.message}` : "none";
  return expectedBut("INVALID_DATA", "at least one image that can be scored", folder, received);
}
