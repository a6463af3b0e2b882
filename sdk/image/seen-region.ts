import type { ImageRegion, ImageSize } from "../contract/image.ts";
import { longestEdge, type Placement, shortestEdge } from "./preprocess.ts";

/**
 * What of an image of this size `preprocess` brings to the encoder, in the image's pixels. It goes beyond the edges where
 * the image is padded. Of the centre squares of papers, whose borders are rounded in several steps, it is true to a pixel.
 */
export function seenRegion({ width, height }: ImageSize, placement: Placement): ImageRegion {
  if (placement.geometry === "native") return { left: 0, top: 0, width, height };
  const { geometry, size, background = null, centre } = placement;
  const isPadded = geometry === "fit" || background !== null;
  const longest = Math.max(width, height);
  const [padX, padY] = isPadded ? [Math.floor((longest - width) / 2), Math.floor((longest - height) / 2)] : [0, 0];
  if (geometry === "fit") {
    // The sides are rounded before the rest is filled, so that either side has a scale of its own.
    const resized = longestEdge({ width, height }, placement);
    const before = (side: number) => Math.floor((Math.max(resized.width, resized.height) - side) / 2);
    const [scaleX, scaleY] = [width / resized.width, height / resized.height];
    return {
      left: -before(resized.width) * scaleX,
      top: -before(resized.height) * scaleY,
      width: size * scaleX,
      height: size * scaleY,
    };
  }
  const whole = isPadded ? { width: longest, height: longest } : { width, height };
  const edge = centre === undefined || centre === "pil" ? placement.resizeTo : size;
  const resized =
    geometry === "stretch" && centre === undefined ? { width: edge, height: edge } : shortestEdge(whole, edge);
  const [scaleX, scaleY] = [whole.width / resized.width, whole.height / resized.height];
  return {
    left: Math.floor((resized.width - size) / 2) * scaleX - padX,
    top: Math.floor((resized.height - size) / 2) * scaleY - padY,
    width: size * scaleX,
    height: size * scaleY,
  };
}
