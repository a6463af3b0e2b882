import type { RgbImage } from "../contract/image.ts";
import { expected } from "../errors.ts";
import { resize, resizeAndCrop } from "./resize/resize.ts";
import { checkRgbImage } from "./rgb-image.ts";
import { roundHalfEven } from "./round-half-even.ts";
import type { CentreRule, Resample } from "./view-plan.ts";

/**
 * How papers cut a centre square out of an image before they measure. Do not compare numbers from different ways.
 * - "adm": halved with BOX while the short side is at least twice the size, then BICUBIC. The smaller half of an odd
 *   border goes left and on top (`center_crop_arr` of openai/guided-diffusion, image_datasets.py; LlamaGen, RAE).
 * - "pil": BICUBIC once; an odd border's half is rounded to even (torchvision's Resize and CenterCrop on PIL images;
 *   TiTok).
 */
export type CentreCrop = "adm" | "pil";

/** All of them. */
export const CENTRE_CROPS: readonly CentreCrop[] = ["adm", "pil"];

/**
 * The centre square of `size` x `size` pixels, equal to what Pillow 12 makes of it byte for byte.
 * @throws INVALID_ARGUMENT, INVALID_IMAGE, IMAGE_TOO_LARGE
 */
export function centreCrop(image: RgbImage, size: number, convention: CentreCrop): RgbImage {
  checkRgbImage(image);
  if (!CENTRE_CROPS.includes(convention)) {
    throw expected("INVALID_ARGUMENT", '"adm" or "pil"', "the convention of a centre crop", convention);
  }
  if (!Number.isSafeInteger(size) || size < 1) {
    throw expected("INVALID_ARGUMENT", "an integer > 0", "the size of a centre crop", size);
  }
  return convention === "adm" ? admCrop(image, size) : pilCrop(image, { size, resizeTo: size, resample: "bicubic" });
}

interface CentreSquare {
  readonly size: number;
  /** Of "pil": length of the short edge that the image is resized to first; at least `size`. */
  readonly resizeTo: number;
  /** Of "pil": the filter that resizes it. */
  readonly resample: Resample;
}

/** The same by any rule; the image and the sizes are checked already. */
export function centreSquare(image: RgbImage, square: CentreSquare, rule: CentreRule): RgbImage {
  const { size } = square;
  if (rule === "adm") return admCrop(image, size);
  if (rule === "pil") return pilCrop(image, square);
  const scale = size / Math.min(image.width, image.height);
  const width = roundHalfEven(image.width * scale);
  const height = roundHalfEven(image.height * scale);
  const half = (side: number) =>
    rule === "lanczos-floor" ? Math.floor((side - size) / 2) : roundHalfEven((side - size) / 2);
  const crop = { left: half(width), top: half(height), width: size, height: size };
  return resizeAndCrop(image, width, height, "lanczos", crop);
}

function admCrop(image: RgbImage, size: number): RgbImage {
  let small = image;
  while (Math.min(small.width, small.height) >= 2 * size) {
    small = resize(small, Math.floor(small.width / 2), Math.floor(small.height / 2), "box");
  }
  const scale = size / Math.min(small.width, small.height);
  const width = roundHalfEven(small.width * scale);
  const height = roundHalfEven(small.height * scale);
  const left = Math.floor((width - size) / 2);
  const top = Math.floor((height - size) / 2);
  return resizeAndCrop(small, width, height, "bicubic", { left, top, width: size, height: size });
}

function pilCrop(image: RgbImage, { size, resizeTo, resample }: CentreSquare): RgbImage {
  const short = Math.min(image.width, image.height);
  const width = Math.floor((resizeTo * image.width) / short);
  const height = Math.floor((resizeTo * image.height) / short);
  const left = roundHalfEven((width - size) / 2);
  const top = roundHalfEven((height - size) / 2);
  return resizeAndCrop(image, width, height, resample, { left, top, width: size, height: size });
}
