/**
 * An image's place in a text: its key between two noncharacters, which Unicode keeps for a program's own use and no text
 * holds. The key is a hash of the image's content. So no text names an image by chance, and a saved chat history means the
 * same later.
 */
const BEGIN = "\uFDD0";
const END = "\uFDD1";
/** Base64url digits of a key: 132 bits. */
export const KEY_DIGITS = 22;
const DIGIT = "[A-Za-z0-9_-]";

const PLACEHOLDERS = new RegExp(`${BEGIN}(${DIGIT}{${KEY_DIGITS}})${END}`, "g");
/**
 * What is left where a text was cut within a placeholder: node-llama-cpp shortens old messages when the context is
 * full.
 */
const REMNANTS = new RegExp(`${BEGIN}${DIGIT}{0,${KEY_DIGITS}}|${DIGIT}{0,${KEY_DIGITS}}${END}`, "g");

export const placeholder = (key: string): string => `${BEGIN}${key}${END}`;

/** A text as pieces of text and keys of images; null where there is no image. */
export function splitAtPlaceholders(text: string): ({ text: string } | { key: string })[] | null {
  if (!text.includes(BEGIN) && !text.includes(END)) return null;
  const pieces: ({ text: string } | { key: string })[] = [];
  let from = 0;
  for (const match of text.matchAll(PLACEHOLDERS)) {
    const [placed, key = ""] = match;
    pieces.push({ text: withoutRemnants(text.slice(from, match.index)) }, { key });
    from = match.index + placed.length;
  }
  pieces.push({ text: withoutRemnants(text.slice(from)) });
  return pieces;
}

const withoutRemnants = (text: string): string => text.replaceAll(REMNANTS, "");

/** Stands between two texts of one message: templates may write something there. */
export const PART_BREAK = "\uFDD5";

/** A text without these characters: nothing in it stands for an image. */
export const withoutPlaceholders = (text: string): string => text.replaceAll(/[\uFDD0\uFDD1\uFDD5]/g, "\uFFFD");
