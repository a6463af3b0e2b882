import { expected } from "../sdk/kit.ts";

/** The most pixels that an image may have, as an option of the SDK's; none leaves the SDK's own limit. */
export interface ImageLimit {
  readonly maxPixels?: number;
}

/** Reads the value of --max-pixels. @throws INVALID_ARGUMENT */
export function imageLimit(text: string | undefined): ImageLimit {
  if (text === undefined) return {};
  const maxPixels = Number(text);
  if (Number.isSafeInteger(maxPixels) && maxPixels >= 1) return { maxPixels };
  throw expected("INVALID_ARGUMENT", "a whole number of at least 1", "--max-pixels", text);
}
