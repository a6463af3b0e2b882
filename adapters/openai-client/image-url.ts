import { encodePng, type ImageInput, readImage } from "../../sdk/index.ts";
import { type BufferedImage, bufferedImage, readRegularFile } from "../../sdk/kit.ts";

/** What endpoints take as it is, by the file's first bytes. */
const FORMATS = [
  { type: "image/jpeg", starts: (bytes: Uint8Array) => bytes[0] === 0xff && bytes[1] === 0xd8 },
  { type: "image/png", starts: (bytes: Uint8Array) => latin1(bytes, 1, 4) === "PNG" },
  { type: "image/gif", starts: (bytes: Uint8Array) => latin1(bytes, 0, 3) === "GIF" },
  {
    type: "image/webp",
    starts: (bytes: Uint8Array) => latin1(bytes, 0, 4) === "RIFF" && latin1(bytes, 8, 12) === "WEBP",
  },
];

/** A larger one is refused by `readImage`. */
const MAX_FILE_BYTES = 2 ** 30;

const latin1 = (bytes: Uint8Array, from: number, to: number): string =>
  Buffer.from(bytes.subarray(from, to)).toString("latin1");

/**
 * An image as a data: URL: a JPEG, PNG, GIF or WebP file untouched, anything else as PNG.
 * @throws as `readImage`
 */
export async function imageUrl(input: ImageInput, signal?: AbortSignal): Promise<string> {
  const image = await bufferedImage(input, signal);
  const bytes = await encodedBytes(image);
  const format = bytes && FORMATS.find(({ starts }) => starts(bytes));
  if (bytes && format) return dataUrl(format.type, bytes);
  return dataUrl("image/png", await encodePng(await readImage(image)));
}

/** The file behind an image, where it is one; what cannot be read is left to `readImage`, which says why. */
async function encodedBytes(image: BufferedImage): Promise<Uint8Array | null> {
  if (image instanceof Uint8Array) return image;
  if (image instanceof ArrayBuffer) return new Uint8Array(image);
  if (typeof image !== "string" || /^[a-z]+:/i.test(image)) return null;
  return readRegularFile(image, MAX_FILE_BYTES).catch(() => null);
}

const dataUrl = (type: string, bytes: Uint8Array): string =>
  `data:${type};base64,${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64")}`;
