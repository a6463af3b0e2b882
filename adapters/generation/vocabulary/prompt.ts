import { PROMPT_PLACE, type VisualVocabulary } from "./visual-vocabulary.ts";

/** `special`: whether texts such as "<|im_start|>" stand for tokens; `inner`: the text follows another one. */
export type Tokenize = (text: string, options: { special: boolean; inner: boolean }) => Promise<number[]> | number[];

/**
 * The tokens before an image's first id: the prompt in its format, then begin-of-image. The caller's prompt is always
 * text. Only the format has special tokens.
 * @param bos what the model puts before each text, if anything
 */
export async function promptTokens(
  { promptFormat, promptCase, boiToken, alwaysTokens }: VisualVocabulary,
  prompt: string,
  bos: number | null,
  tokenize: Tokenize,
): Promise<number[]> {
  const [before = "", after = ""] = promptFormat.split(PROMPT_PLACE);
  const tokens = bos === null ? [] : [bos];
  if (before !== "") tokens.push(...(await tokenize(before, { special: true, inner: false })));
  const cased = promptCase === "sentence" ? inSentenceCase(prompt) : prompt;
  for (const [i, text] of textsOf(cased, alwaysTokens).entries()) {
    tokens.push(...(await tokenize(text, { special: false, inner: i > 0 || before !== "" })));
  }
  if (after !== "") tokens.push(...(await tokenize(after, { special: true, inner: true })));
  return [...tokens, boiToken];
}

/** Small letters behind the first character that is no space, which stays as it is. */
const inSentenceCase = (prompt: string) =>
  prompt.replace(/^(\s*\S)(.*)$/su, (_, first: string, rest: string) => first + rest.toLowerCase());

/** A prompt in pieces, each word that would be a token cut behind its first character; none for an empty one. */
function textsOf(prompt: string, words: RegExp | undefined): string[] {
  const cuts = words === undefined ? [] : Array.from(prompt.matchAll(words), ({ index }) => index + 1);
  const pieces = [0, ...cuts].map((start, i) => prompt.slice(start, cuts[i]));
  return pieces.filter((piece) => piece !== "");
}
