import type { RgbImage } from "../../contract/image.ts";
import { expectedBut } from "../../errors.ts";
import { checkRgbImage } from "../rgb-image.ts";
import { type Colour, paste } from "./paste.ts";

/** Of the square: 805 MB. A line of a million pixels would ask for terabytes. */
const MAX_PIXELS = 2 ** 28;

/**
 * Puts an image in the middle of a square of its longer side (LLaVA 1.5's `expand2square`, image_aspect_ratio "pad").
 * `colour` is the encoder's mean colour there: trunc(mean * 255) of each channel, (122, 116, 104) for CLIP.
 *
 * @throws INVALID_IMAGE, INVALID_ARGUMENT; IMAGE_TOO_LARGE for sides above 16,384 pixels
 */
export function padToSquare(image: RgbImage, colour: Colour): RgbImage {
  checkRgbImage(image);
  const { width, height } = image;
  const side = Math.max(width, height);
  if (side * side > MAX_PIXELS) {
    const received = `${width} x ${height} pixels`;
    throw expectedBut(
      "IMAGE_TOO_LARGE",
      `sides of at most ${Math.sqrt(MAX_PIXELS)} pixels`,
      "padding to a square",
      received,
    );
  }
  const [left, top] = [Math.floor((side - width) / 2), Math.floor((side - height) / 2)];
  return paste(image, { width: side, height: side }, left, top, colour);
}
