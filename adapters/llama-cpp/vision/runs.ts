import { isVirtualToken } from "../native/virtual-tokens.ts";
import type { EmbeddingPlaces, ImageLibrary } from "./image-library.ts";

/** Tokens of a request that belong together: text, or places of one image's segment from `index` on. */
export interface Run {
  readonly start: number;
  readonly end: number;
  readonly image: { readonly places: EmbeddingPlaces; readonly index: number } | null;
}

/** @throws INVALID_ARGUMENT for places of an image that the library does not know */
export function cutRuns(tokens: readonly number[], library: ImageLibrary): Run[] {
  const runs: { -readonly [K in keyof Run]: Run[K] }[] = [];
  for (const [i, token] of tokens.entries()) {
    const last = runs.at(-1);
    const found = isVirtualToken(token) ? library.placesOf(token) : null;
    if (last !== undefined && isNext(last, found, i)) last.end = i + 1;
    else runs.push({ start: i, end: i + 1, image: found });
  }
  return runs;
}

/** Whether token `i`, text or a place of an image, goes on with a run. */
function isNext({ start, image }: Run, found: Run["image"], i: number): boolean {
  if (image === null || found === null) return image === found;
  return image.places === found.places && found.index === image.index + (i - start);
}
