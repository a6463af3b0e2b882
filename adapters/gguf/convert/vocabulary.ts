import { createHash } from "node:crypto";
import { join } from "node:path";
import { Tokenizer } from "@huggingface/tokenizers";
import {
  expectedBut,
  type GgufValue,
  ggufValue,
  isFile,
  isObject,
  readJsonObject,
  readRegularFile,
} from "../../../sdk/kit.ts";
import { preTokenizers, TEST_TEXT } from "./pre-tokenizers.ts";
import { specialTokens } from "./special-tokens.ts";
import type { TextConfig } from "./text-config.ts";

type Keys = Map<string, GgufValue>;

/** llama.cpp's `llama_token_type`. */
const NORMAL = 1;
const CONTROL = 3;
const USER_DEFINED = 4;
const UNUSED = 5;

/** Room that a model may have beside its tokenizer's tokens, at most: a number that a config makes up must not fill the memory. */
const MAX_VOCABULARY = 4_000_000;

interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
}

/**
 * The keys that llama.cpp's converter writes of a byte-level BPE tokenizer (`_set_vocab_gpt2`), in its order.
 * @param preTokenizer llama.cpp's name of the pre-tokenizer, where its hash is not known
 * @throws CHECKPOINT_NOT_FOUND without tokenizer.json; INVALID_CONFIG for a damaged one; UNSUPPORTED for another kind of
 *   tokenizer, or a pre-tokenizer that is not known
 */
export async function vocabularyKeys(folder: string, config: TextConfig, preTokenizer?: string): Promise<Keys> {
  const file = join(folder, "tokenizer.json");
  if (await isFile(join(folder, "tokenizer.model"))) throw otherKind(folder, "a SentencePiece tokenizer.model");
  const json = await readJsonObject(file, "INVALID_CONFIG");
  const { vocab, merges } = bytePairs(json, file);
  const settingsFile = join(folder, "tokenizer_config.json");
  const settings = (await isFile(settingsFile)) ? await readJsonObject(settingsFile, "INVALID_CONFIG") : {};
  const added = addedTokens(json, file);
  const { tokens, types } = tokenList(vocab, added, config.vocabSize, file);

  const keys: Keys = new Map();
  if (config.architecture === "llama" && typeof settings.add_prefix_space === "boolean") {
    keys.set("tokenizer.ggml.add_space_prefix", ggufValue.bool(settings.add_prefix_space));
  }
  keys.set("tokenizer.ggml.model", ggufValue.string("gpt2"));
  keys.set("tokenizer.ggml.pre", ggufValue.string(preTokenizer ?? preTokenizerOf(json, settings, file)));
  keys.set("tokenizer.ggml.tokens", ggufValue.strings(tokens));
  keys.set("tokenizer.ggml.token_type", ggufValue.int32s(types));
  if (merges.length > 0) keys.set("tokenizer.ggml.merges", ggufValue.strings(merges));
  for (const [key, value] of specialTokens(json, settings, config, added)) keys.set(key, value);
  const template = await chatTemplate(folder, settings);
  if (template !== null) keys.set("tokenizer.chat_template", ggufValue.string(template));
  // SmolLM and Granite: their tokenizers add no BOS.
  if (config.architecture === "llama" && config.vocabSize === 49_152) {
    keys.set("tokenizer.ggml.add_bos_token", ggufValue.bool(false));
  }
  return keys;
}

const otherKind = (subject: string, received: string) =>
  expectedBut(
    "UNSUPPORTED",
    "a byte-level BPE tokenizer in tokenizer.json",
    subject,
    received,
    "Convert this model with llama.cpp's convert_hf_to_gguf.py.",
  );

function bytePairs(json: Readonly<Record<string, unknown>>, file: string) {
  const { model } = json;
  const type = isObject(model) ? (model.type ?? "BPE") : undefined;
  if (!isObject(model) || type !== "BPE") throw otherKind(file, `a model of type ${String(type)}`);
  if (model.byte_fallback === true) throw otherKind(file, "a BPE model with byte_fallback");
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

function addedTokens(json: Readonly<Record<string, unknown>>, file: string): AddedToken[] {
  return (Array.isArray(json.added_tokens) ? json.added_tokens : []).map((token: unknown) => {
    if (!isObject(token) || typeof token.content !== "string" || !isTokenId(token.id)) {
      throw expectedBut("INVALID_CONFIG", "an id and its content", `added_tokens of ${file}`, "others");
    }
    return { id: token.id, content: token.content, special: token.special === true };
  });
}

/** Some checkpoints mark a token as ordinary that llama.cpp treats as one of control (`does_token_look_special`). */
const looksSpecial = (token: string) =>
  ["<pad>", "<mask>", "<2mass>", "[@BOS@]"].includes(token) ||
  (token.startsWith("<|") && token.endsWith("|>")) ||
  (token.startsWith("<｜") && token.endsWith("｜>")) ||
  (token.startsWith("<unused") && token.endsWith(">"));

function tokenList(vocab: ReadonlyMap<string, number>, added: readonly AddedToken[], size: number, file: string) {
  const count =
    Math.max(
      -1,
      ...added.map(({ id }) => id),
      [...vocab.values()].reduce((a, b) => Math.max(a, b), -1),
    ) + 1;
  if (count > size || size > MAX_VOCABULARY) {
    throw expectedBut("INCOMPATIBLE", `at least ${count}, one for each token of ${file},`, "vocab_size", `${size}`);
  }
  const tokens = Array.from({ length: size }, (_, id) => `[PAD${id}]`);
  const types = tokens.map(() => UNUSED);
  for (const [token, id] of vocab) {
    tokens[id] = token;
    types[id] = NORMAL;
  }
  for (const { id, content, special } of added) {
    const control = special || looksSpecial(content);
    tokens[id] = control ? content : content.replaceAll("▁", " ");
    types[id] = control ? CONTROL : USER_DEFINED;
  }
  return { tokens, types };
}

type TokenizerParts = ConstructorParameters<typeof Tokenizer>;

/** llama.cpp knows a pre-tokenizer by what it makes of a test text (`get_vocab_base_pre`). */
function preTokenizerOf(json: object, settings: object, file: string): string {
  let ids: readonly number[];
  try {
    ids = new Tokenizer(json as TokenizerParts[0], settings as TokenizerParts[1]).encode(TEST_TEXT).ids;
  } catch (cause) {
    throw expectedBut("INVALID_CONFIG", "a tokenizer that encodes text", file, "one that fails", { cause });
  }
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
    'Name the one that it equals, such as "qwen2" or "llama-bpe": --pre-tokenizer, or the option preTokenizer.',
  );
}

async function chatTemplate(folder: string, settings: Readonly<Record<string, unknown>>): Promise<string | null> {
  const own = settings.chat_template;
  if (typeof own === "string") return own;
  if (own !== undefined && own !== null) {
    const received = Array.isArray(own) ? "a list of templates" : "another value";
    throw expectedBut("UNSUPPORTED", "one chat template", join(folder, "tokenizer_config.json"), received);
  }
  const jinja = join(folder, "chat_template.jinja");
  // As Python reads a text.
  if (await isFile(jinja)) return (await readRegularFile(jinja)).toString("utf8").replaceAll(/\r\n?/g, "\n");
  const json = join(folder, "chat_template.json");
  if (!(await isFile(json))) return null;
  const { chat_template: template } = await readJsonObject(json, "INVALID_CONFIG");
  return typeof template === "string" ? template : null;
}
