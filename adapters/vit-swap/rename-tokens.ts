import { expected } from "../../sdk/kit.ts";
import { ggufValue, readGguf, rewriteGguf } from "../gguf/index.ts";

const TOKENS = "tokenizer.ggml.tokens";
const TEMPLATE = "tokenizer.chat_template";

/**
 * Writes a language model's GGUF anew with other texts for some tokens, in its vocabulary and its chat template; ids and
 * weights stay. llama.cpp puts words of its own around images ("<img>"): a model that was trained with others answers as it
 * was trained to once its tokens have these names.
 *
 * @param names the new text by the old one
 * @throws INVALID_ARGUMENT for a token that the vocabulary does not have, for a text that it has already, and as `rewriteGguf`
 */
export async function renameTokens(
  llm: string,
  out: string,
  names: Readonly<Record<string, string>>,
  options: { readonly inPlace?: boolean } = {},
): Promise<void> {
  const { metadata } = await readGguf(llm);
  const stored = metadata.get(TOKENS);
  if (stored?.type !== "array" || stored.of !== "string") {
    throw expected("INVALID_GGUF", "a list of texts", `${TOKENS} of ${llm}`, stored?.type);
  }
  const known = new Set(stored.value);
  for (const [from, to] of Object.entries(names)) {
    if (!known.has(from)) throw expected("INVALID_ARGUMENT", "a token of the vocabulary", llm, from);
    if (known.has(to)) throw expected("INVALID_ARGUMENT", "a text that is no token yet", llm, to);
  }
  const tokens = stored.value.map((token) => (Object.hasOwn(names, token) ? names[token]! : token));
  const template = metadata.get(TEMPLATE);
  const renamed = (text: string) => Object.entries(names).reduce((all, [from, to]) => all.replaceAll(from, to), text);
  await rewriteGguf(
    llm,
    out,
    {
      metadata: [
        [TOKENS, ggufValue.strings(tokens)],
        ...(template?.type === "string" ? [[TEMPLATE, ggufValue.string(renamed(template.value))] as const] : []),
      ],
    },
    options,
  );
}
