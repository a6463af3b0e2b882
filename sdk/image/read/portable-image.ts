import type { ImageInput, RgbImage } from "../../contract/image.ts";
import { bytesOrText } from "../encoded-image.ts";
import { checkRgbImage, copyPixels, isRgbImage } from "../rgb-image.ts";

/** An image as it travels to another thread: its path or URL, or memory of its own. */
export type PortableImage = string | Uint8Array | RgbImage;

/**
 * Bytes and raw pixels are copied, so that they can be handed over while the caller keeps its own.
 * @throws INVALID_ARGUMENT or INVALID_IMAGE for what is no image at all; files are not opened.
 */
export function portableImage(input: ImageInput): PortableImage {
  if (isRgbImage(input)) {
    checkRgbImage(input);
    return copyPixels(input);
  }
  const found = bytesOrText(input);
  return typeof found === "string" ? found : new Uint8Array(found);
}

/** The memory that can be handed over with it. */
export function memoryOf(image: PortableImage): Uint8Array | Uint8ClampedArray | undefined {
  if (typeof image === "string") return undefined;
  return image instanceof Uint8Array ? image : image.data;
}
