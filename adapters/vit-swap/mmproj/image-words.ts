import type { ImageLayout } from "../../../sdk/index.ts";
import { type ImageWords, type MmprojTypeName, mmprojTypes } from "./types.ts";

export interface DifferentWords {
  /** What the language model was trained with. */
  readonly model: ImageWords;
  /** What the runtime writes, whatever the file says. */
  readonly runtime: ImageWords;
  /** The names that the model's tokens need, for `renameTokens`; empty where one side has no words. */
  readonly rename: Readonly<Record<string, string>>;
}

/** White space around the words is left to the prompt. */
export function differentWords(type: MmprojTypeName, { prefix, suffix }: ImageLayout): DifferentWords | null {
  const { words: runtime } = mmprojTypes[type];
  if (runtime === null) return null;
  const model: ImageWords = [prefix, suffix];
  const pairs = model.map((word, i) => [word.trim(), runtime[i]!] as const).filter(([own, other]) => own !== other);
  if (pairs.length === 0) return null;
  return { model, runtime, rename: Object.fromEntries(pairs.filter(([own, other]) => own !== "" && other !== "")) };
}
