import {
  type ImageModelV4CallOptions,
  type ImageModelV4File,
  InvalidArgumentError,
  UnsupportedFunctionalityError,
} from "@ai-sdk/provider";
import type { GenerateOptions, ImageGeneratorInfo } from "../generation/index.ts";
import { keptRows } from "../image-edits.ts";

/**
 * What is kept of the image that a call gives: its upper rows where `keep` names a share of them, and else what the mask
 * keeps.
 * @throws InvalidArgumentError; UnsupportedFunctionalityError for several files and remote ones
 */
export function editedImage(
  { files = [], mask }: ImageModelV4CallOptions,
  keep: number | undefined,
  { grid }: ImageGeneratorInfo,
): Pick<GenerateOptions, "editImage" | "continueImage"> {
  const [file, ...others] = files;
  if (others.length > 0) throw unsupported("several files", "one image", `${files.length}`);
  if (file === undefined) {
    if (mask !== undefined) throw argumentError("mask", "Expected an image beside a mask but received none");
    if (keep !== undefined) throw argumentError("keep", "Expected an image to keep rows of but received none");
    return {};
  }
  const image = bytesOf(file);
  if (keep === undefined) return { editImage: mask === undefined ? { image } : { image, mask: bytesOf(mask) } };
  if (mask !== undefined) throw argumentError("keep", "Expected keep or a mask but received both");
  return { continueImage: { image, rows: keptRows(keep, grid) } };
}

function bytesOf(file: ImageModelV4File): Uint8Array | string {
  if (file.type === "file") return typeof file.data === "string" ? Buffer.from(file.data, "base64") : file.data;
  if (/^data:image\//i.test(file.url)) return file.url;
  throw unsupported("remote files", "the bytes of an image, base64 or a data: URL", "a URL");
}

const argumentError = (argument: string, message: string) =>
  new InvalidArgumentError({ argument, message: `${message} for ${argument} of generateImage.` });

const unsupported = (functionality: string, what: string, received: string) =>
  new UnsupportedFunctionalityError({
    functionality,
    message: `Expected ${what} for the files of generateImage but received ${received}.`,
  });
