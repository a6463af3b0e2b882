import { createHash } from "node:crypto";
import { expectedBut, isObject } from "../../../sdk/kit.ts";
import { HfTokenizer } from "../../hf-tokenizer.ts";
import { preTokenizers, TEST_TEXT } from "./pre-tokenizers.ts";
import { looksSpecial, MAX_VOCABULARY, type TokenList, tokenType } from "./tokens.ts";

type Json = Readonly<Record<string, unknown>>;

interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
}

/**
 * The tokens and merges of a byte-level BPE tokenizer.json (conversion/base.py, `get_vocab_base`).
 * @param size how many tokens the model has
 * @throws INVALID_CONFIG for a damaged one; INCOMPATIBLE for more tokens than the model has; UNSUPPORTED for another kind
 */
export function byteLevelTokens(json: Json, size: number, file: string): TokenList & { merges: readonly string[] } {
  const { vocab, merges } = bytePairs(json, file);
  return { ...tokenList(vocab, addedTokens(json, file), size, file), merges };
}

export const otherTokenizer = (subject: string, received: string, mend?: string) =>
  expectedBut(
    "UNSUPPORTED",
    "a byte-level BPE tokenizer in tokenizer.json",
    subject,
    received,
    mend ?? "Convert this model with llama.cpp's convert_hf_to_gguf.py.",
  );

function bytePairs(json: Json, file: string) {
  const { model } = json;
  const type = isObject(model) ? (model.type ?? "BPE") : undefined;
  if (!isObject(model) || type !== "BPE") throw otherTokenizer(file, `a model of type ${String(type)}`);
  if (model.byte_fallback === true) {
    const mend = "Put the tokenizer.model of the model's own repository beside it.";
    throw otherTokenizer(file, "a BPE model with byte_fallback and no tokenizer.model", mend);
  }
  const vocab = new Map<string, number>();
  for (const [token, id] of Object.entries(isObject(model.vocab) ? model.vocab : {})) {
    if (!isTokenId(id)) throw expectedBut("INVALID_CONFIG", "an id", `token ${token} of ${file}`, String(id));
    vocab.set(token, id);
  }
  const merges = (Array.isArray(model.merges) ? model.merges : []).map((merge: unknown) => {
    if (typeof merge === "string") return merge;
    if (Array.isArray(merge) && merge.length === 2 && merge.every((part) => typeof part === "string")) {
      return merge.map((part) => part.replaceAll(" ", "Ġ")).join(" ");
    }
    throw expectedBut("INVALID_CONFIG", "two tokens each", `the merges of ${file}`, "others");
  });
  return { vocab, merges };
}

const isTokenId = (id: unknown): id is number =>
  typeof id === "number" && Number.isInteger(id) && id >= 0 && id < MAX_VOCABULARY;

function addedTokens(json: Json, file: string): AddedToken[] {
  return (Array.isArray(json.added_tokens) ? json.added_tokens : []).map((token: unknown) => {
    if (!isObject(token) || typeof token.content !== "string" || !isTokenId(token.id)) {
      throw expectedBut("INVALID_CONFIG", "an id and its content", `added_tokens of ${file}`, "others");
    }
    return { id: token.id, content: token.content, special: token.special === true };
  });
}

function tokenList(
  vocab: ReadonlyMap<string, number>,
  added: readonly AddedToken[],
  size: number,
  file: string,
): TokenList {
  const ids = [...vocab.values(), ...added.map(({ id }) => id)];
  const count = ids.reduce((a, b) => Math.max(a, b), -1) + 1;
  if (count > size || size > MAX_VOCABULARY) {
    throw expectedBut("INCOMPATIBLE", `at least ${count}, one for each token of ${file},`, "vocab_size", `${size}`);
  }
  const texts = Array.from({ length: size }, (_, id) => `[PAD${id}]`);
  const types = texts.map((): number => tokenType.unused);
  for (const [token, id] of vocab) {
    texts[id] = token;
    types[id] = tokenType.normal;
  }
  for (const { id, content, special } of added) {
    const control = special || looksSpecial(content);
    texts[id] = control ? content : content.replaceAll("▁", " ");
    types[id] = control ? tokenType.control : tokenType.userDefined;
  }
  return { texts, types, scores: null };
}

/** llama.cpp knows a pre-tokenizer by what it makes of a test text (`get_vocab_base_pre`). */
export function preTokenizerOf(json: object, settings: object, file: string): string {
  const ids = new HfTokenizer(json, settings, file).encode(TEST_TEXT, true);
  const hash = createHash("sha256")
    .update(`[${ids.join(", ")}]`)
    .digest("hex");
  const name = preTokenizers.get(hash);
  if (name !== undefined) return name;
  throw expectedBut(
    "UNSUPPORTED",
    "a pre-tokenizer that llama.cpp v0.5.0 knows",
    file,
    `one whose hash is ${hash}`,
    'Name the one that it equals, such as "qwen2" or "llama-bpe": `vqrae convert-llm <folder> --out llm.gguf --pre-tokenizer ' +
      "qwen2`, or the option preTokenizer of convertLlm.",
  );
}
