import { PROMPT_PLACE, type VisualVocabulary } from "./visual-vocabulary.ts";

/** `special`: whether texts such as "<|im_start|>" stand for tokens; `inner`: the text follows another one. */
export type Tokenize = (text: string, options: { special: boolean; inner: boolean }) => Promise<number[]> | number[];

/**
 * The tokens before an image's first id: the prompt in its format, then begin-of-image. The caller's prompt is always
 * text. Only the format has special tokens.
 * @param bos what the model puts before each text, if anything
 */
export async function promptTokens(
  { promptFormat, boiToken }: VisualVocabulary,
  prompt: string,
  bos: number | null,
  tokenize: Tokenize,
): Promise<number[]> {
  const [before = "", after = ""] = promptFormat.split(PROMPT_PLACE);
  const tokens = bos === null ? [] : [bos];
  if (before !== "") tokens.push(...(await tokenize(before, { special: true, inner: false })));
  if (prompt !== "") tokens.push(...(await tokenize(prompt, { special: false, inner: before !== "" })));
  if (after !== "") tokens.push(...(await tokenize(after, { special: true, inner: true })));
  return [...tokens, boiToken];
}
