import type { Sharp } from "sharp";
import type { ImageInput, ImageSize, RgbImage } from "../../contract/image.ts";
import { expectedBut, VqraeError } from "../../errors.ts";
import type { DecodedScale } from "../decoded-scale.ts";
import { type EncodedImage, encodedImage } from "../encoded-image.ts";
import { alphaOfRaw, checkRawImage, checkRgbImage, isRgbImage, rawToRgb } from "../rgb-image.ts";
import { bufferedImage } from "./buffered-image.ts";
import { cmykToRgb } from "./cmyk.ts";
import { decodeHeic } from "./heic.ts";
import { uprightAvif } from "./orientation/avif-transform.ts";
import { readableTiff } from "./orientation/exif-orientation.ts";
import { findOrientation } from "./orientation/find-orientation.ts";
import { type RasterFormat, rasterFormat } from "./raster-format.ts";
import { firstLine, loadSharp } from "./sharp.ts";

/** A 100-megapixel camera's photo; its RGB pixels take 300 MB. */
const DEFAULT_MAX_PIXELS = 100_000_000;

const HEIC_MEND = "sharp's own builds cannot read HEIC photos: run `npm install libheif-js`, or convert it to JPEG. ";

/**
 * Reads any image as 8-bit RGB pixels in memory that need not be new: raw pixels are the caller's, and sharp's cannot move
 * to another thread. `readImage` says what is read how, and checks its options before.
 * @throws INVALID_ARGUMENT, INVALID_IMAGE, IMAGE_TOO_LARGE or MISSING_DEPENDENCY.
 */
export async function readPixels(
  input: ImageInput,
  maxPixels = DEFAULT_MAX_PIXELS,
  signal?: AbortSignal,
): Promise<RgbImage> {
  return (await readScaled(input, maxPixels, () => 1, signal)).image;
}

/** An image, and the size that it has when all of it is decoded. */
export interface ScaledImage {
  readonly image: RgbImage;
  readonly full: ImageSize;
}

/**
 * The same, but a JPEG is decoded to one part of `scaleOf` of each side: libjpeg leaves out what no pixel of it needs.
 * @throws as `readPixels`
 */
export async function readScaled(
  input: ImageInput,
  maxPixels = DEFAULT_MAX_PIXELS,
  scaleOf: (full: ImageSize) => DecodedScale,
  signal?: AbortSignal,
): Promise<ScaledImage> {
  if (isRgbImage(input)) {
    checkRawImage(input);
    checkPixels(input.width, input.height, maxPixels, "the raw image");
    const image = rawToRgb(input);
    return { image, full: image };
  }
  const file = await encodedImage(await bufferedImage(input, signal));
  const photo = await heicPhoto(file, maxPixels);
  if (photo !== null) return { image: photo, full: photo };
  return withUpright(
    file,
    maxPixels,
    async (upright, { isCmyk, full }) => {
      const { data, info } = await upright.removeAlpha().raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
      const image = { data: isCmyk ? cmykToRgb(data) : data, width: info.width, height: info.height };
      checkRgbImage(image, file.subject);
      return { image, full };
    },
    scaleOf,
  );
}

/** How opaque the pixels of an image are: 0 to 255 each, in rows; null for an image without transparency. */
export interface AlphaPlane {
  readonly alpha: Uint8Array | null;
  readonly width: number;
  readonly height: number;
}

/**
 * How opaque the pixels of an image are, turned as `readPixels` turns it.
 * @throws as `readPixels`
 */
export async function readAlpha(input: ImageInput, maxPixels = DEFAULT_MAX_PIXELS): Promise<AlphaPlane> {
  if (isRgbImage(input)) {
    const { width, height } = await readPixels(input, maxPixels);
    return { alpha: alphaOfRaw(input), width, height };
  }
  const file = await encodedImage(await bufferedImage(input));
  const photo = await heicPhoto(file, maxPixels);
  if (photo !== null) return { alpha: null, width: photo.width, height: photo.height };
  return withUpright(file, maxPixels, async (upright, { hasAlpha }) => {
    const plane = hasAlpha ? upright.extractChannel("alpha") : upright.extractChannel(0);
    const { data, info } = await plane.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
    return { alpha: hasAlpha ? data : null, width: info.width, height: info.height };
  });
}

/** The pixels of a HEIC file where its decoder is installed; null for any other file. */
function heicPhoto({ bytes, subject }: EncodedImage, maxPixels: number): Promise<RgbImage | null> | null {
  if (rasterFormat(bytes, subject) !== "HEIC") return null;
  return decodeHeic(bytes, subject, (width, height) => checkPixels(width, height, maxPixels, subject));
}

interface UprightFacts {
  readonly isCmyk: boolean;
  readonly hasAlpha: boolean;
  /** Of all its pixels, the right way up. */
  readonly full: ImageSize;
}

/** Opens an image in sRGB, the right way up, for `use`, whose failures are the image's. */
async function withUpright<T>(
  file: EncodedImage,
  maxPixels: number,
  use: (upright: Sharp, facts: UprightFacts) => Promise<T>,
  scaleOf: (full: ImageSize) => DecodedScale = () => 1,
): Promise<T> {
  const { subject } = file;
  const format = rasterFormat(file.bytes, subject);
  const { bytes, orientation } =
    format === "AVIF/HEIF" ? uprightAvif(file.bytes) : { bytes: readable(format, file.bytes), orientation: 1 };
  const sharp = await loadSharp();
  try {
    // "error" refuses truncated files of every format; "truncated" would miss uncompressed TIFF.
    const image = sharp(bytes, { failOn: "error", limitInputPixels: false, ignoreIcc: true });
    const metadata = await image.metadata();
    const { width, height, space, depth, hasAlpha = false } = metadata;
    checkPixels(width, height, maxPixels, subject);
    const isCmyk = space === "cmyk" && depth === "uchar";
    const coloured = isCmyk ? image.pipelineColourspace("cmyk").toColourspace("cmyk") : image.toColourspace("srgb");
    const turning = orientation === 1 ? findOrientation(format, bytes, metadata) : orientation;
    const full = turning >= 5 ? { width: height, height: width } : { width, height };
    const scale = format === "JPEG" && !isCmyk ? scaleOf(full) : 1;
    return await use(turn(decodedTo(coloured, { width, height }, scale), turning), { isCmyk, hasAlpha, full });
  } catch (cause) {
    if (VqraeError.isInstance(cause)) throw cause;
    const received = `a damaged, truncated or unsupported ${format} of ${bytes.byteLength} bytes`;
    const mend = `${format === "HEIC" ? HEIC_MEND : ""}The decoder says: ${firstLine(cause)}`;
    throw expectedBut("INVALID_IMAGE", "a complete image", subject, received, { mend, cause });
  }
}

const readable = (format: RasterFormat, bytes: Uint8Array): Uint8Array =>
  format === "TIFF" ? readableTiff(bytes) : bytes;

/** sharp has libjpeg decode to a half, a quarter or an eighth of the sides, and resizes the rest of the way. */
function decodedTo(image: Sharp, { width, height }: ImageSize, scale: DecodedScale): Sharp {
  if (scale === 1) return image;
  return image.resize(Math.floor(width / scale), Math.floor(height / scale), { fit: "fill" });
}

/** The transposition of an EXIF orientation, 1..8. sharp mirrors before it turns. */
function turn(image: Sharp, orientation: number): Sharp {
  const mirrored = [2, 7].includes(orientation) ? image.flop() : [4, 5].includes(orientation) ? image.flip() : image;
  const degrees = orientation === 3 ? 180 : orientation === 8 ? 270 : orientation >= 5 ? 90 : 0;
  return degrees === 0 ? mirrored : mirrored.rotate(degrees);
}

function checkPixels(width: number, height: number, maxPixels: number, subject: string): void {
  if (width * height <= maxPixels) return;
  const received = `${width} x ${height} = ${width * height} pixels`;
  const mend = "Raise the option maxPixels if you trust the image.";
  throw expectedBut("IMAGE_TOO_LARGE", `at most ${maxPixels} pixels`, subject, received, mend);
}
