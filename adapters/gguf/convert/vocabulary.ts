import { join } from "node:path";
import { expectedBut, type GgufValue, ggufValue, isFile, readJsonObject, readRegularFile } from "../../../sdk/kit.ts";
import { byteLevelTokens, otherTokenizer, preTokenizerOf } from "./byte-level.ts";
import type { TextConfig } from "./families/text-family.ts";
import { sentencePieceTokens } from "./sentencepiece.ts";
import { specialTokens } from "./special-tokens.ts";
import type { TokenList } from "./tokens.ts";

type Json = Readonly<Record<string, unknown>>;
type Keys = Map<string, GgufValue>;

const PREFIX = "tokenizer.ggml.add_space_prefix";

/**
 * The keys that llama.cpp's converter writes of a tokenizer, in its order: of a tokenizer.model of SentencePiece
 * (`_set_vocab_sentencepiece`) where the family has such, else of a byte-level BPE tokenizer.json (`_set_vocab_gpt2`).
 * @param preTokenizer llama.cpp's name of a byte-level pre-tokenizer, where its hash is not known
 * @throws CHECKPOINT_NOT_FOUND without a tokenizer; INVALID_CONFIG for a damaged one; UNSUPPORTED for another kind of
 *   tokenizer, or a pre-tokenizer that is not known
 */
export async function vocabularyKeys(folder: string, config: TextConfig, preTokenizer?: string): Promise<Keys> {
  const { tokenizers, spacePrefix } = config.family;
  const settings = await optionalJson(join(folder, "tokenizer_config.json"));
  const keys: Keys = new Map();
  if (spacePrefix === "as configured" && typeof settings?.add_prefix_space === "boolean") {
    keys.set(PREFIX, ggufValue.bool(settings.add_prefix_space));
  }
  const hasPieces = tokenizers !== "byte-level" && (await isFile(join(folder, "tokenizer.model")));
  if (tokenizers === "sentencepiece" && !hasPieces) {
    const mend = "Take it from the model's own repository: transformers does not save it.";
    throw expectedBut("CHECKPOINT_NOT_FOUND", "tokenizer.model, SentencePiece's own file", folder, "none", mend);
  }
  if (hasPieces) await addSentencePiece(keys, folder, settings, config);
  else await addByteLevel(keys, folder, settings, config, preTokenizer);
  const template = settings === null ? null : await chatTemplate(folder, settings);
  if (template !== null) keys.set("tokenizer.chat_template", ggufValue.string(template));
  if (spacePrefix === false) keys.set(PREFIX, ggufValue.bool(false));
  // SmolLM and Granite: their tokenizers add no BOS.
  if (config.family.architecture === "llama" && config.vocabSize === 49_152) {
    keys.set("tokenizer.ggml.add_bos_token", ggufValue.bool(false));
  }
  return keys;
}

async function addSentencePiece(keys: Keys, folder: string, settings: Json | null, config: TextConfig): Promise<void> {
  const tokens = await sentencePieceTokens(folder, settings, config.vocabSize);
  addTokens(keys, "llama", "default", tokens);
  const tokenizer = await optionalJson(join(folder, "tokenizer.json"));
  for (const [key, value] of specialTokens(tokenizer, settings, config, tokens.texts.length)) keys.set(key, value);
}

async function addByteLevel(
  keys: Keys,
  folder: string,
  settings: Json | null,
  config: TextConfig,
  preTokenizer: string | undefined,
): Promise<void> {
  const file = join(folder, "tokenizer.json");
  if (!(await isFile(file)) && (await isFile(join(folder, "tekken.json")))) {
    const mend = "Take tokenizer.json from the model's Hugging Face repository: it holds the same tokens.";
    throw otherTokenizer(folder, "Mistral's tekken.json alone", mend);
  }
  const json = await readJsonObject(file, "INVALID_CONFIG");
  const { merges, ...tokens } = byteLevelTokens(json, config.vocabSize, file);
  addTokens(keys, "gpt2", preTokenizer ?? preTokenizerOf(json, settings ?? {}, file), tokens);
  if (merges.length > 0) keys.set("tokenizer.ggml.merges", ggufValue.strings(merges));
  for (const [key, value] of specialTokens(json, settings, config, null)) keys.set(key, value);
}

function addTokens(keys: Keys, model: string, pre: string, { texts, scores, types }: TokenList): void {
  keys.set("tokenizer.ggml.model", ggufValue.string(model));
  keys.set("tokenizer.ggml.pre", ggufValue.string(pre));
  keys.set("tokenizer.ggml.tokens", ggufValue.strings(texts));
  if (scores !== null) keys.set("tokenizer.ggml.scores", ggufValue.float32s(scores));
  keys.set("tokenizer.ggml.token_type", ggufValue.int32s(types));
}

const optionalJson = async (file: string): Promise<Json | null> =>
  (await isFile(file)) ? readJsonObject(file, "INVALID_CONFIG") : null;

async function chatTemplate(folder: string, settings: Json): Promise<string | null> {
  if (Object.hasOwn(settings, "chat_template")) {
    const own = settings.chat_template;
    if (own === null || typeof own === "string") return own;
    const received = Array.isArray(own) ? "a list of templates" : "another value";
    throw expectedBut("UNSUPPORTED", "one chat template", join(folder, "tokenizer_config.json"), received);
  }
  const jinja = join(folder, "chat_template.jinja");
  // As Python reads a text.
  if (await isFile(jinja)) return (await readRegularFile(jinja)).toString("utf8").replaceAll(/\r\n?/g, "\n");
  const json = await optionalJson(join(folder, "chat_template.json"));
  return typeof json?.chat_template === "string" ? json.chat_template : null;
}
