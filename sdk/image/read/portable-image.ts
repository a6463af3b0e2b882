import type { ImageInput, RgbImage } from "../../contract/image.ts";
import { joinInSteps } from "../../event-loop/in-steps.ts";
import { bytesOrText } from "../encoded-image.ts";
import { checkRawImage, copyPixels, isRgbImage } from "../rgb-image.ts";
import { bufferedImage } from "./buffered-image.ts";

/** An image as it travels to another thread: its path or URL, or memory of its own. */
export type PortableImage = string | Uint8Array | RgbImage;

/**
 * Bytes and raw pixels are copied, so that they can be handed over while the caller keeps its own. Others go on while bytes are.
 * @throws INVALID_ARGUMENT or INVALID_IMAGE for what is no image at all; files are not opened. As `bufferedImage`
 */
export async function portableImage(input: ImageInput, signal?: AbortSignal): Promise<PortableImage> {
  if (isRgbImage(input)) {
    checkRawImage(input);
    return copyPixels(input);
  }
  const image = await bufferedImage(input, signal);
  const found = bytesOrText(image);
  if (typeof found === "string" || image !== input) return found; // what a stream gave is nobody else's
  const copy = await joinInSteps([found]);
  bytesOrText(input); // its memory can go to another thread meanwhile
  return copy;
}

/** The memory that can be handed over with it. */
export function memoryOf(image: PortableImage): Uint8Array | Uint8ClampedArray | undefined {
  if (typeof image === "string") return undefined;
  return image instanceof Uint8Array ? image : image.data;
}
