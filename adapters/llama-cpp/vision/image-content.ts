import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { types } from "node:util";
import type { ImageInput, VideoInput } from "../../../sdk/index.ts";
import { type BufferedImage, bufferedImage, inSteps, readRegularFile } from "../../../sdk/kit.ts";
import { KEY_DIGITS } from "./placeholder.ts";

/** A larger file is refused by `embed`. */
const MAX_FILE_BYTES = 2 ** 30;

/** An image and the key of its content. The same image has another key for another tokenizer. */
export interface KeyedImage {
  readonly key: string;
  /** The bytes, where the input names a file or is a stream: what is encoded is what was hashed. */
  readonly image: BufferedImage;
}

/** Files that cannot be read are left to `embed`, whose error says why. @throws as `bufferedImage` */
export async function keyedImage(input: ImageInput, tokenizer: string, signal?: AbortSignal): Promise<KeyedImage> {
  const image = await contentOf(await bufferedImage(input, signal));
  const content = createHash("sha256");
  for await (const bytes of inSteps(bytesOf(image))) content.update(bytes);
  const size = typeof image === "object" && "width" in image ? `${image.width}x${image.height}` : "";
  const key = createHash("sha256").update(`${tokenizer}\n${size}\n`).update(content.digest());
  return { key: key.digest("base64url").slice(0, KEY_DIGITS), image };
}

/** A video and the key of its frames and its rate. */
export async function keyedVideo(
  { frames, fps }: VideoInput,
  tokenizer: string,
  signal?: AbortSignal,
): Promise<{ readonly key: string; readonly video: VideoInput }> {
  const keyed = await Promise.all(Array.from(frames ?? [], (frame) => keyedImage(frame, tokenizer, signal)));
  const key = createHash("sha256").update([`video ${fps}`, ...keyed.map(({ key }) => key)].join("\n"));
  const video = { frames: keyed.map(({ image }) => image), fps };
  return { key: key.digest("base64url").slice(0, KEY_DIGITS), video };
}

async function contentOf(input: BufferedImage): Promise<BufferedImage> {
  const text = input instanceof URL ? input.href : input;
  if (typeof text !== "string" || /^data:/i.test(text)) return input;
  try {
    return await readRegularFile(/^file:/i.test(text) ? fileURLToPath(text) : text, MAX_FILE_BYTES);
  } catch {
    return input;
  }
}

function bytesOf(image: BufferedImage): Uint8Array {
  const data = typeof image === "object" && image !== null && "data" in image ? image.data : image;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return types.isAnyArrayBuffer(data) ? new Uint8Array(data) : new TextEncoder().encode(String(data));
}
