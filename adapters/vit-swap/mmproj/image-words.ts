import type { ImageLayout } from "../../../sdk/index.ts";
import { type ImageWords, type MmprojTypeName, mmprojTypes } from "./types.ts";

export interface DifferentWords {
  /** What the language model was trained with. */
  readonly model: ImageWords;
  /** What the runtime writes. The file cannot change it. */
  readonly runtime: ImageWords;
  /** The names that the model's tokens need, for `renameTokens`. Empty if one side has no words. */
  readonly rename: Readonly<Record<string, string>>;
}

/**
 * Where the runtime of an mmproj of `type` puts other words around an image than the model; null if they are the same. White
 * space around the words is left to the prompt.
 */
export function differentWords(type: MmprojTypeName, { prefix, suffix }: ImageLayout): DifferentWords | null {
  const { words: runtime } = mmprojTypes[type];
  if (runtime === null) return null;
  const model: ImageWords = [prefix, suffix];
  const pairs = [
    { own: prefix.trim(), other: runtime[0] },
    { own: suffix.trim(), other: runtime[1] },
  ].filter(({ own, other }) => own !== other);
  if (pairs.length === 0) return null;
  const named = pairs.filter(({ own, other }) => own !== "" && other !== "");
  return { model, runtime, rename: Object.fromEntries(named.map(({ own, other }) => [own, other])) };
}
