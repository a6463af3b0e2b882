import * as z from "zod";
import { expected, isObject, option, parseOptions } from "../../sdk/kit.ts";
import { type GgufValue, ggufValue, readGguf, rewriteGguf } from "../gguf/index.ts";

const TOKENS = "tokenizer.ggml.tokens";
const TEMPLATE = "tokenizer.chat_template";

const schema = z.strictObject({ inPlace: option.flag });

/**
 * Writes a language model's GGUF anew with other texts for some tokens, in its vocabulary and its chat template. Ids and
 * weights stay. llama.cpp puts its own words around images ("<img>"). A model that was trained with other words knows them
 * again once its tokens have these names.
 *
 * @param names the new text by the old one
 * @throws INVALID_ARGUMENT for a token that the vocabulary does not have, for a text that it already has, and for an output that
 *   is the input, without `inPlace`; INVALID_GGUF for a file without a vocabulary; and as `readGguf` and `writeGguf`
 */
export async function renameTokens(
  llm: string,
  out: string,
  names: Readonly<Record<string, string>>,
  options: { readonly inPlace?: boolean } = {},
): Promise<void> {
  const { inPlace = false } = parseOptions(schema, options, "renameTokens");
  if (!isObject(names) || Object.values(names).some((name) => typeof name !== "string"))
    throw expected("INVALID_ARGUMENT", "new texts by old ones", "the names of renameTokens", names);
  const { metadata } = await readGguf(llm);
  const stored = metadata.get(TOKENS);
  if (stored?.type !== "array" || stored.of !== "string") {
    throw expected("INVALID_GGUF", "a list of texts", `${TOKENS} of ${llm}`, stored?.type);
  }
  const known = new Set(stored.value);
  const renames = new Map(Object.entries(names));
  for (const [from, to] of renames) {
    if (!known.has(from)) throw expected("INVALID_ARGUMENT", "a token of the vocabulary", llm, from);
    if (known.has(to)) throw expected("INVALID_ARGUMENT", "a text that is no token yet", llm, to);
  }
  const changes: [string, GgufValue][] = [
    [TOKENS, ggufValue.strings(stored.value.map((token) => renames.get(token) ?? token))],
  ];
  const template = metadata.get(TEMPLATE);
  if (template?.type === "string") {
    const renamed = [...renames].reduce((text, [from, to]) => text.replaceAll(from, to), template.value);
    changes.push([TEMPLATE, ggufValue.string(renamed)]);
  }
  await rewriteGguf(llm, out, { metadata: changes }, { inPlace });
}
