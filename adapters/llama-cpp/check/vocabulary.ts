import type { GgufFile } from "../../gguf/index.ts";
import { damaged } from "./metadata.ts";

/** `LLAMA_TOKEN_TYPE_BYTE` */
const BYTE = 6;
/** SentencePiece's, and the ids of its tokens where the file names none. */
const SENTENCE_PIECE = "llama";
const DEFAULT_IDS: Readonly<Record<string, { readonly bos?: number; readonly eos?: number }>> = {
  llama: { bos: 1, eos: 2 },
  gpt2: { bos: 11, eos: 11 },
  hybriddna: { bos: 11, eos: 11 },
  whitespace: { bos: 11, eos: 11 },
  plamo2: { bos: 1, eos: 2 },
};
/** Of encoders, or of none: llama.cpp writes no text with them. */
const NO_TEXT = ["none", "no_vocab", "bert", "t5", "test"];
/** A token's text goes through buffers of `int32_t` lengths; the longest real ones are some hundred bytes of spaces. */
const MAX_TOKEN_CHARACTERS = 100_000;

/** @throws INVALID_GGUF as `checkLlm` */
export function checkVocabulary({ file, metadata }: GgufFile): void {
  const model = metadata.get("tokenizer.ggml.model")?.value;
  if (NO_TEXT.includes(String(model))) {
    throw damaged(file, "the vocabulary of a model that writes text", "tokenizer.ggml.model", `"${model}"`);
  }
  const tokens = textsOf(metadata.get("tokenizer.ggml.tokens")?.value);
  if (tokens === null) return; // refused by llama.cpp
  if (tokens.length === 0) throw damaged(file, "at least one", "the tokens", "none");
  requireOwnTexts(tokens, file);
  const types = metadata.get("tokenizer.ggml.token_type")?.value;
  if (Array.isArray(types)) requireBytes(tokens, types.map(Number), file);
  if (model === SENTENCE_PIECE) requireAllBytes(tokens, file);
  if (model === "rwkv" && !tokens.some((token) => token === "\n" || token === "\\n")) {
    throw damaged(file, "a token for a new line", "the vocabulary", "none");
  }
  for (const [name, byDefault] of [
    ["bos", model === SENTENCE_PIECE],
    ["eos", false],
  ] as const) {
    const added = metadata.get(`tokenizer.ggml.add_${name}_token`)?.value ?? byDefault;
    if (added !== true) continue;
    const given = metadata.get(`tokenizer.ggml.${name}_token_id`)?.value;
    const own = DEFAULT_IDS[String(model)]?.[name];
    if ([given, own].some((id) => typeof id === "number" && id < tokens.length)) continue;
    throw damaged(file, `a token to add (tokenizer.ggml.add_${name}_token)`, `tokenizer.ggml.${name}_token_id`, "none");
  }
}

function textsOf(value: unknown): readonly string[] | null {
  return Array.isArray(value) && value.every((text) => typeof text === "string") ? value : null;
}

/** llama.cpp asserts that as many texts as tokens are there; an empty one gets a name by its number. */
function requireOwnTexts(tokens: readonly string[], file: string): void {
  const seen = new Map<string, number>();
  for (const [id, token] of tokens.entries()) {
    if (token.length > MAX_TOKEN_CHARACTERS) {
      throw damaged(file, `at most ${MAX_TOKEN_CHARACTERS} characters`, `token ${id}`, `${token.length}`);
    }
    const text = token === "" ? `[EMPTY_${id}]` : token;
    const other = seen.get(text);
    if (other !== undefined) throw damaged(file, "a text of its own", `token ${id}`, `the one of token ${other}`);
    seen.set(text, id);
  }
}

/** A byte's token is read as `<0x41>`, by its characters from the third on. */
function requireBytes(tokens: readonly string[], types: readonly number[], file: string): void {
  for (const [id, token] of tokens.entries()) {
    if (types[id] !== BYTE || /^<0x[0-9A-Fa-f]{2}>$/.test(token)) continue;
    throw damaged(
      file,
      'a byte such as "<0x41>"',
      `token ${id}, of the type byte,`,
      JSON.stringify(token.slice(0, 80)),
    );
  }
}

/** What no token spells is written byte for byte; SentencePiece's tokenizer ends the process where a byte has no token. */
function requireAllBytes(tokens: readonly string[], file: string): void {
  const all = new Set(tokens);
  for (let byte = 0; byte < 256; byte++) {
    const name = `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
    // A character above 127 takes two bytes in UTF-8: none of them is the byte alone.
    if (all.has(name) || (byte < 128 && all.has(String.fromCharCode(byte)))) continue;
    throw damaged(file, `a token ${name} for each byte`, "the vocabulary", "none");
  }
}
