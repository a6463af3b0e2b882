import * as z from "zod";
import type { Decoder } from "../../contract/decoder.ts";
import type { Encoder } from "../../contract/encoder.ts";
import type { RgbImage } from "../../contract/image.ts";
import type { Views } from "../../contract/views.ts";
import { readImage } from "../../image/read/read-image.ts";
import { option, parseOptions } from "../../options.ts";
import { setFields } from "../../set-fields.ts";
import { pairsPicture } from "../tile-picture.ts";
import { cropFor, reconstructAll } from "./reconstruct.ts";
import type { ReconstructionReport } from "./report.ts";

const schema = z.strictObject({ maxPixels: option.integer(1), signal: option.signal });

/** Pairs in each of the three groups. */
const SHOWN = 8;

/**
 * A picture of the images that came back worst, of those around the median and of those that came back best, by PSNR: three
 * pairs of rows, originals above reconstructions. They are read and reconstructed again, so that evaluating needs no memory
 * for pictures. Of few images each group has fewer.
 */
export async function rankedPicture(
  tokenizer: Encoder & Decoder & Views,
  { perImage, protocol: { crop } }: ReconstructionReport,
  options: { readonly maxPixels?: number | undefined; readonly signal?: AbortSignal } = {},
): Promise<RgbImage> {
  const { maxPixels, signal } = parseOptions(schema, options, "rankedPicture");
  const ranked = [...perImage].sort((a, b) => a.psnr - b.psnr);
  const count = Math.min(SHOWN, ranked.length);
  const middle = Math.floor((ranked.length - count) / 2);
  const chosen = [0, middle, ranked.length - count].flatMap((start) => ranked.slice(start, start + count));
  const prepare = cropFor(tokenizer, crop);
  const pairs: [RgbImage, RgbImage][] = [];
  for (const { path } of chosen) {
    signal?.throwIfAborted();
    const image = prepare(await readImage(path, { maxPixels }));
    for (const { original, decoded } of await reconstructAll(tokenizer, [image], setFields({ signal })))
      pairs.push([original, decoded]);
  }
  return pairsPicture(pairs, count);
}
