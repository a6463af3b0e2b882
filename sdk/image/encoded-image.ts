import { fileURLToPath } from "node:url";
import { types } from "node:util";
import { describe, expected, expectedBut } from "../errors.ts";
import { isTooLarge, systemReason } from "../files/read-file.ts";
import { readRegularFile } from "../files/regular-file.ts";
import { dataUrlBytes } from "./read/data-url.ts";
import { firstLine } from "./read/sharp.ts";

/** Files beyond this are refused unread; 100 megapixels of uncompressed 16-bit RGBA stay below it. */
export const MAX_FILE_BYTES = 2 ** 30;

/** The bytes of an image file and its name for messages. */
export interface EncodedImage {
  readonly bytes: Uint8Array;
  readonly subject: string;
}

/**
 * Finds the bytes behind a path, a `file:` or `data:` URL, or bytes themselves (which are not copied).
 * @throws INVALID_ARGUMENT for what cannot be read, IMAGE_TOO_LARGE for a file above 1 GiB.
 */
export async function encodedImage(input: unknown): Promise<EncodedImage> {
  const text = bytesOrText(input);
  if (typeof text !== "string") return { bytes: text, subject: "the image" };
  const scheme = schemeOf(text);
  if (scheme === "data") return { bytes: dataUrlBytes(text), subject: "the data: URL" };
  if (scheme === "file") return readImageFile(pathOf(text));
  if (scheme === null) return readImageFile(text);
  throw expected(
    "INVALID_ARGUMENT",
    "a path, a file: URL or a data: URL",
    "the image",
    text,
    "Remote images are not fetched: fetch it yourself and pass the bytes, `await (await fetch(url)).arrayBuffer()`.",
  );
}

/** Bytes as they are, the text of a path or a URL, INVALID_ARGUMENT for anything else. */
export function bytesOrText(input: unknown): Uint8Array | string {
  const buffer = types.isUint8Array(input) ? input.buffer : input;
  if (types.isArrayBuffer(buffer) && isDetached(buffer)) {
    const received = "a detached buffer, whose bytes went to another thread";
    throw expectedBut("INVALID_ARGUMENT", "bytes", "the image", received);
  }
  if (types.isUint8Array(input)) return input;
  if (types.isAnyArrayBuffer(input)) return new Uint8Array(input);
  const text = input instanceof URL ? input.href : input;
  if (typeof text === "string" && text !== "") return text;
  const what = "a path, a file: or data: URL, encoded bytes, a Blob, a stream or { data, width, height }";
  throw expected("INVALID_ARGUMENT", what, "the image", input);
}

/** `ArrayBuffer.prototype.detached` of ES2024. */
const isDetached = (buffer: ArrayBuffer): boolean => "detached" in buffer && buffer.detached === true;

/** Lower case; null for a path. A single letter before the colon is a Windows drive. */
function schemeOf(text: string): string | null {
  const match = /^(?:(data|file):|([a-z][a-z0-9+.-]+):\/\/|(https?|blob):)/i.exec(text);
  return (match?.[1] ?? match?.[2] ?? match?.[3])?.toLowerCase() ?? null;
}

function pathOf(url: string): string {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    const received = `${describe(url)} (${firstLine(cause)})`;
    throw expectedBut("INVALID_ARGUMENT", "a file: URL of this machine", "the image", received, { cause });
  }
}

async function readImageFile(path: string): Promise<EncodedImage> {
  const subject = `the image ${path}`;
  try {
    return { bytes: await readRegularFile(path, MAX_FILE_BYTES), subject };
  } catch (cause) {
    if (isTooLarge(cause)) {
      throw expectedBut("IMAGE_TOO_LARGE", `a file of at most ${MAX_FILE_BYTES} bytes`, subject, cause.message, {
        cause,
      });
    }
    throw expectedBut("INVALID_ARGUMENT", "a readable file", subject, systemReason(cause), { cause });
  }
}
