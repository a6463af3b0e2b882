import { Readable } from "node:stream";
import type { ImageInput, ImageStream } from "../../contract/image.ts";
import { expected, expectedBut, VqraeError } from "../../errors.ts";
import { joinInSteps } from "../../event-loop/in-steps.ts";
import { isObject } from "../../files/read-file.ts";
import { MAX_FILE_BYTES } from "../encoded-image.ts";
import { firstLine } from "./sharp.ts";

/** An image that can be read more than once. */
export type BufferedImage = Exclude<ImageInput, Blob | ImageStream>;

/**
 * The bytes of a Blob or a stream; any other image as it is.
 * @throws INVALID_ARGUMENT for a stream that fails, was read before or gives no bytes; IMAGE_TOO_LARGE above 1 GiB; the
 * signal's reason, and the stream is closed then
 */
export async function bufferedImage(input: ImageInput, signal?: AbortSignal): Promise<BufferedImage> {
  if (isBlob(input)) {
    requireSize(input.size);
    return streamBytes(input.stream(), signal);
  }
  return isStream(input) ? streamBytes(input, signal) : input;
}

/** A Blob of another realm or of a library is one too. */
const isBlob = (input: ImageInput): input is Blob =>
  isObject(input) && "size" in input && "stream" in input && typeof input.stream === "function";

const isStream = (input: ImageInput): input is ImageStream =>
  isObject(input) && (Symbol.asyncIterator in input || ("getReader" in input && typeof input.getReader === "function"));

async function streamBytes(stream: ImageStream, signal: AbortSignal | undefined): Promise<Uint8Array> {
  signal?.throwIfAborted();
  const pieces: Uint8Array[] = [];
  let size = 0;
  let close = () => {};
  try {
    const readable = readableOf(stream);
    close = () => readable.destroy(signal?.reason instanceof Error ? signal.reason : new Error("aborted"));
    signal?.addEventListener("abort", close, { once: true });
    for await (const piece of readable) {
      if (!(piece instanceof Uint8Array)) {
        throw expected("INVALID_ARGUMENT", "a stream of bytes", "the image", piece, "Set no encoding on it.");
      }
      size += piece.byteLength;
      requireSize(size);
      pieces.push(piece);
    }
  } catch (cause) {
    signal?.throwIfAborted();
    if (VqraeError.isInstance(cause)) throw cause;
    const received = `one that failed (${firstLine(cause)})`;
    throw expectedBut("INVALID_ARGUMENT", "a stream that can be read to its end", "the image", received, { cause });
  } finally {
    signal?.removeEventListener("abort", close);
  }
  return joinInSteps(pieces);
}

/** In Node's form, whose end also ends the stream behind it. */
function readableOf(stream: ImageStream): Readable {
  const known = stream instanceof Readable || stream instanceof ReadableStream;
  if (known && Readable.isDisturbed(stream as Readable)) {
    const mend = "A stream can be read once: pass its bytes to several calls.";
    throw expectedBut("INVALID_ARGUMENT", "a stream that nobody has read", "the image", "one that was read", mend);
  }
  if (stream instanceof Readable) return stream;
  if (stream instanceof ReadableStream) return Readable.fromWeb(stream as Parameters<typeof Readable.fromWeb>[0]);
  return Readable.from(stream, { objectMode: true });
}

function requireSize(bytes: number): void {
  if (bytes <= MAX_FILE_BYTES) return;
  const received = `${bytes} bytes or more`;
  throw expectedBut("IMAGE_TOO_LARGE", `at most ${MAX_FILE_BYTES} bytes`, "the image", received);
}
