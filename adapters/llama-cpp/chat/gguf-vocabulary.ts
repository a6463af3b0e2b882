import type { LlamaModel, Token } from "node-llama-cpp";
import type { Vocabulary } from "../../prompt/index.ts";

/** A GGUF file's own vocabulary, through llama.cpp. */
export function ggufVocabulary(model: LlamaModel, file: string): Vocabulary {
  const special = new Map<string, number>();
  for (const token of model.iterateAllTokens()) {
    const text = model.getTokenAttributes(token).control ? textOf(model, token) : "";
    if (text !== "") special.set(text, token);
  }
  const { bos, eos, shouldPrependBosToken } = model.tokens;
  return {
    file,
    special,
    addedBos: shouldPrependBosToken ? bos : null,
    bosText: textOf(model, bos),
    eosText: textOf(model, eos),
    encode: (text) => model.tokenize(text, false),
  };
}

const textOf = (model: LlamaModel, token: Token | null): string =>
  token === null ? "" : model.detokenize([token], true);
