import { expected, isObject } from "../../../sdk/kit.ts";
import { newTokenNames, type VisualVocabulary } from "../vocabulary/visual-vocabulary.ts";

type Json = Record<string, unknown>;

/** How many tokens a tokenizer.json has: one more than its last id. @throws INVALID_CONFIG */
export function tokensOf(tokenizer: Json, file: string): number {
  const { vocab } = isObject(tokenizer.model) ? tokenizer.model : {};
  const size = isObject(vocab) ? idsAbove(Object.values(vocab)) : Array.isArray(vocab) ? vocab.length : Number.NaN;
  if (Number.isNaN(size)) throw expected("INVALID_CONFIG", "a vocabulary", `model.vocab of ${file}`, vocab);
  return Math.max(size, idsAbove(addedTokens(tokenizer).map(({ id }) => id)));
}

function idsAbove(ids: readonly unknown[]): number {
  let above = 0;
  for (const id of ids) if (typeof id === "number" && id >= above) above = id + 1;
  return above;
}

const addedTokens = (tokenizer: Json): Json[] =>
  Array.isArray(tokenizer.added_tokens) ? tokenizer.added_tokens.filter(isObject) : [];

const special = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true } as const;

/** tokenizer.json with the new tokens. @throws INVALID_ARGUMENT where it has one of their names */
export function tokenizerWithTokens(
  tokenizer: Json,
  { boiToken, codebookSize }: VisualVocabulary,
  source: string,
): Json {
  const names = newTokenNames(codebookSize);
  const added = addedTokens(tokenizer);
  const known = new Set(added.map(({ content }) => content));
  const taken = names.find((name) => known.has(name));
  if (taken !== undefined) throw expected("INVALID_ARGUMENT", "tokens of other names", source, taken);
  return {
    ...tokenizer,
    added_tokens: [...added, ...names.map((content, i) => ({ id: boiToken + i, content, ...special }))],
  };
}

/** tokenizer_config.json with the new tokens, where it lists added tokens. */
export function tokenizerConfigWithTokens(config: Json, { boiToken, codebookSize }: VisualVocabulary): Json {
  const { added_tokens_decoder: decoder } = config;
  if (!isObject(decoder)) return config;
  const added = newTokenNames(codebookSize).map((content, i) => [String(boiToken + i), { content, ...special }]);
  return { ...config, added_tokens_decoder: { ...decoder, ...Object.fromEntries(added) } };
}

/** config.json with the new number of rows, wherever it has the old one, and with the layout. */
export function configWithTokens(config: Json, rows: number, size: number, vocabulary: VisualVocabulary): Json {
  const resized = (section: Json): Json => (section.vocab_size === rows ? { ...section, vocab_size: size } : section);
  const nested = Object.entries(config).map(([key, value]) => [key, isObject(value) ? resized(value) : value]);
  return { ...resized(Object.fromEntries(nested)), vqrae_visual: vocabulary };
}
