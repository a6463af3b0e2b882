import { expected, expectedBut } from "../../../sdk/kit.ts";
import { type GgufFile, type GgufValue, ggufValue, isNumberList } from "../../gguf/index.ts";
import { PROMPT_PLACE, promptCases, type VisualVocabulary } from "./visual-vocabulary.ts";

/** Keys of a GGUF file that say where its visual tokens are. */
const PREFIX = "vqrae.visual.";

/** The largest image that is served: llama.cpp's contexts and any decoder end before it. */
const MAX_SIDE = 4096;

/** @returns the values that `readVisualVocabulary` reads again */
export function visualMetadata(vocabulary: VisualVocabulary): [string, GgufValue][] {
  const { uint32, float32, string } = ggufValue;
  const { sampling } = vocabulary;
  const values: Record<string, GgufValue> = {
    codebook_size: uint32(vocabulary.codebookSize),
    first_token: uint32(vocabulary.firstToken),
    boi_token: uint32(vocabulary.boiToken),
    eoi_token: uint32(vocabulary.eoiToken),
    rows: uint32(vocabulary.grid.rows),
    columns: uint32(vocabulary.grid.columns),
    tokenizer: string(vocabulary.tokenizer),
    prompt_format: string(vocabulary.promptFormat),
    prompt_case: string(vocabulary.promptCase),
    unconditional_prompt: string(vocabulary.unconditionalPrompt),
    guidance_scale: float32(sampling.guidanceScale),
    temperature: float32(sampling.temperature),
    top_k: uint32(sampling.topK),
    top_p: float32(sampling.topP),
  };
  return Object.entries(values).map(([key, value]) => [PREFIX + key, value]);
}

export const hasVisualVocabulary = ({ metadata }: GgufFile): boolean =>
  [...metadata.keys()].some((key) => key.startsWith(PREFIX));

/**
 * Reads and checks the layout of a file's visual tokens.
 * @throws INVALID_GGUF for a file without one, with a value that is missing or wrong, or with fewer tokens than it says
 */
export function readVisualVocabulary(gguf: GgufFile): VisualVocabulary {
  const { file, metadata } = gguf;
  if (!hasVisualVocabulary(gguf)) {
    const mend =
      "Add visual tokens with `vqrae expand-vocabulary` and train the model on them, or take one that has them.";
    const received = "a language model without";
    throw expectedBut("INVALID_GGUF", `metadata about visual tokens (${PREFIX}*)`, file, received, mend);
  }
  const wrong = (what: string, key: string, received: unknown) =>
    expected("INVALID_GGUF", what, `${PREFIX}${key} of ${file}`, received);
  const number = (key: string, what: string, accepts: (value: number) => boolean, missing?: number): number => {
    const value = metadata.get(PREFIX + key)?.value ?? missing;
    if (typeof value === "number" && accepts(value)) return value;
    throw wrong(what, key, value);
  };
  const count = (key: string, low: number, high: number, missing?: number) =>
    number(key, `a whole number from ${low} to ${high}`, (n) => Number.isInteger(n) && n >= low && n <= high, missing);
  /** float32, as the decimal that was meant: 0.9 rather than 0.8999999762. */
  const real = (...[key, what, accepts, missing]: Parameters<typeof number>) =>
    Number(number(key, what, accepts, missing).toPrecision(7));
  const text = (key: string, missing?: string): string => {
    const value = metadata.get(PREFIX + key)?.value ?? missing;
    if (typeof value === "string") return value;
    throw wrong("a text", key, value);
  };

  const tokens = vocabularySize(gguf);
  const firstToken = count("first_token", 0, tokens - 1);
  const codebookSize = count("codebook_size", 1, tokens - firstToken);
  const special = (key: string) => {
    const token = count(key, 0, tokens - 1);
    if (token < firstToken || token >= firstToken + codebookSize) return token;
    throw wrong("a token that is not visual itself", key, token);
  };
  const promptFormat = text("prompt_format", PROMPT_PLACE);
  if (promptFormat.split(PROMPT_PLACE).length !== 2) {
    throw wrong(`a text with one ${PROMPT_PLACE}`, "prompt_format", promptFormat);
  }
  const said = text("prompt_case", "as-written");
  const promptCase = promptCases.find((known) => known === said);
  if (promptCase === undefined) throw wrong(`one of ${promptCases.join(", ")}`, "prompt_case", said);
  return {
    codebookSize,
    firstToken,
    boiToken: special("boi_token"),
    eoiToken: special("eoi_token"),
    grid: { rows: count("rows", 1, MAX_SIDE), columns: count("columns", 1, MAX_SIDE) },
    tokenizer: text("tokenizer", ""),
    promptFormat,
    promptCase,
    unconditionalPrompt: text("unconditional_prompt", ""),
    sampling: {
      guidanceScale: real("guidance_scale", "a finite number", Number.isFinite, 1),
      guidanceSchedule: "constant",
      temperature: real("temperature", "a number >= 0", (n) => Number.isFinite(n) && n >= 0, 1),
      topK: count("top_k", 0, 2 ** 32 - 1, 0),
      topP: real("top_p", "a number above 0, at most 1", (n) => n > 0 && n <= 1, 1),
    },
  };
}

/** How many tokens the model's vocabulary has. @throws INVALID_GGUF for a file without one */
export const vocabularySize = (gguf: GgufFile): number => vocabularyTokens(gguf).length;

/** The texts of the model's tokens. @throws INVALID_GGUF for a file without any */
export function vocabularyTokens({ file, metadata }: GgufFile): readonly string[] {
  const tokens = metadata.get("tokenizer.ggml.tokens");
  if (tokens?.type === "array" && tokens.of === "string") return tokens.value;
  throw expectedBut(
    "INVALID_GGUF",
    "a list of tokens",
    `tokenizer.ggml.tokens of ${file}`,
    "none",
    "It is no language model.",
  );
}

/** A number for each token; undefined where the file has none. @throws INVALID_GGUF for what is no list of numbers */
export function tokenNumbers({ file, metadata }: GgufFile, key: string): readonly number[] | undefined {
  const value = metadata.get(key);
  if (value === undefined || isNumberList(value)) return value?.value;
  throw expected("INVALID_GGUF", "a list of numbers", `${key} of ${file}`, value.value);
}

/** What the model puts before each text, if anything: `llama_vocab_get_add_bos`. */
export function bosToken({ metadata }: GgufFile): number | null {
  const bos = metadata.get("tokenizer.ggml.bos_token_id")?.value;
  const model = metadata.get("tokenizer.ggml.model")?.value;
  // Where the file does not say, SentencePiece vocabularies have one.
  const adds = metadata.get("tokenizer.ggml.add_bos_token")?.value ?? model === "llama";
  return adds === true && typeof bos === "number" ? bos : null;
}
