import type { RgbImage } from "../../contract/image.ts";
import { readImage } from "../../image/read/read-image.ts";
import { loadSharp } from "../../image/read/sharp.ts";

/**
 * What photos are stored with: sharp's JPEG by mozjpeg, WebP and AVIF at its default efforts, colours at half the sides.
 * "avif-payload" is AVIF too, of which the AV1 picture alone counts: of a small file many bytes are boxes around it.
 */
export const imageCodecs = ["jpeg", "webp", "avif", "avif-payload"] as const;

export type ImageCodec = (typeof imageCodecs)[number];

const MDAT = 0x6d646174;

/** A picture as a codec stores it. */
export interface CodedPicture {
  /** 1 to 100. */
  readonly quality: number;
  /** Of the whole file; of "avif-payload" without its boxes. */
  readonly bytes: number;
  /** What the file shows. */
  readonly decoded: RgbImage;
}

/** Stores a picture in a codec's file and reads it back. */
export async function codedPicture(image: RgbImage, codec: ImageCodec, quality: number): Promise<CodedPicture> {
  const file = await fileOf(image, codec, quality);
  return { quality, bytes: countedBytes(file, codec), decoded: await readImage(file) };
}

/**
 * The picture in the codec's best file of at most `bytes` bytes. A larger quality makes a larger file, but for a few bytes.
 * Where even quality 1 takes more bytes, that file.
 */
export async function codedWithin(image: RgbImage, codec: ImageCodec, bytes: number): Promise<CodedPicture> {
  let [fits, tooLarge] = [1, 101];
  while (tooLarge - fits > 1) {
    const quality = Math.floor((fits + tooLarge) / 2);
    if (countedBytes(await fileOf(image, codec, quality), codec) <= bytes) fits = quality;
    else tooLarge = quality;
  }
  return codedPicture(image, codec, fits);
}

const countedBytes = (file: Uint8Array, codec: ImageCodec) =>
  codec === "avif-payload" ? mediaDataBytes(file) : file.length;

/** The bytes inside the boxes `mdat` of an ISO base media file (ISO/IEC 14496-12, 4.2 and 8.1.1). */
function mediaDataBytes(file: Uint8Array): number {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let total = 0;
  for (let at = 0; at + 8 <= file.length; ) {
    const size = view.getUint32(at) || file.length - at; // 0: to the end of the file
    if (view.getUint32(at + 4) === MDAT) total += size - 8;
    at += Math.max(size, 8);
  }
  return total;
}

/** The files of an image that is still measured: a search, the curves and both counts of AVIF ask for the same ones. */
const written = new WeakMap<RgbImage, Map<string, Promise<Uint8Array>>>();

function fileOf(image: RgbImage, codec: ImageCodec, quality: number): Promise<Uint8Array> {
  const files = written.get(image) ?? new Map<string, Promise<Uint8Array>>();
  written.set(image, files);
  const format = codec === "avif-payload" ? "avif" : codec;
  const file = files.get(`${format} ${quality}`) ?? write(image, format, quality);
  files.set(`${format} ${quality}`, file);
  return file;
}

async function write(
  { data, width, height }: RgbImage,
  format: Exclude<ImageCodec, "avif-payload">,
  quality: number,
): Promise<Uint8Array> {
  const sharp = await loadSharp();
  const image = sharp(data, { raw: { width, height, channels: 3 } });
  const chromaSubsampling = "4:2:0"; // WebP's lossy form has no other
  if (format === "jpeg") return image.jpeg({ quality, mozjpeg: true, chromaSubsampling }).toBuffer();
  if (format === "webp") return image.webp({ quality }).toBuffer();
  return image.avif({ quality, chromaSubsampling }).toBuffer();
}
