import { join } from "node:path";
import { isFile, isObject, readJsonObject } from "../../sdk/kit.ts";
import { HfTokenizer } from "../hf-tokenizer.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Begins texts that are not the prompt's first: some tokenizers treat that one in another way. */
const BEFORE = "\uFDD4";

/** A checkpoint's `tokenizer.json`; null where it has none. @throws INVALID_CONFIG for a damaged file */
export async function readHfVocabulary(folder: string): Promise<Vocabulary | null> {
  const file = join(folder, "tokenizer.json");
  if (!(await isFile(file))) return null;
  const json = await readJsonObject(file, "INVALID_CONFIG");
  const config = await readOptional(join(folder, "tokenizer_config.json"));
  const names = await readOptional(join(folder, "special_tokens_map.json"));
  const added = (Array.isArray(json.added_tokens) ? json.added_tokens : []).filter(isAddedToken);
  const special = new Map(added.filter((token) => token.special).map(({ content, id }) => [content, id]));
  const before = { ...SENTINEL, id: Math.max(0, ...added.map(({ id }) => id)) + 1, content: BEFORE };
  const textTokens = [...added.filter((token) => !token.special), before];
  const texts = new HfTokenizer({ ...json, added_tokens: textTokens }, config, file);
  const [addedBos = null] = new HfTokenizer(json, config, file).encode("", true);
  return {
    file,
    special,
    addedBos,
    bosText: tokenText(config.bos_token ?? names.bos_token),
    eosText: tokenText(config.eos_token ?? names.eos_token),
    encode(text, first) {
      const clean = text.replaceAll(BEFORE, "\uFFFD");
      const ids = texts.encode(first ? clean : BEFORE + clean, false);
      return first ? ids : ids.slice(1);
    },
  };
}

const SENTINEL = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };

interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
}

const isAddedToken = (value: unknown): value is AddedToken =>
  isObject(value) && typeof value.id === "number" && typeof value.content === "string";

const readOptional = async (file: string): Promise<Readonly<Record<string, unknown>>> =>
  (await isFile(file)) ? readJsonObject(file, "INVALID_CONFIG") : {};

function tokenText(value: unknown): string {
  const text = isObject(value) ? value.content : value;
  return typeof text === "string" ? text : "";
}
