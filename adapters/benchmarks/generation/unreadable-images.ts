import { VqraeError } from "../../../sdk/index.ts";

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
