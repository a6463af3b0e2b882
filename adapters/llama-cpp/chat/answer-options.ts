import type { LLamaChatGenerateResponseOptions, LlamaModel, LlamaText, Token, TokenBias } from "node-llama-cpp";
import * as z from "zod";
import { expectedBut, isObject, option, parseOptions, setFields } from "../../../sdk/kit.ts";
import type { TemplateVariables, VlmOptions, VlmTool } from "../../vision-language-model.ts";
import { loadNodeLlamaCpp } from "../native/node-llama-cpp.ts";

/** Tokens of an answer where nothing else is asked for. */
export const DEFAULT_MAX_TOKENS = 512;
const SEEDS = 2 ** 32;

const isBias = (value: unknown): boolean =>
  isObject(value) &&
  Object.entries(value).every(
    ([id, bias]) => /^\d{1,9}$/.test(id) && typeof bias === "number" && Number.isFinite(bias),
  );

const isTool = (value: unknown): boolean => {
  if (!isObject(value)) return false;
  const { name, description = "", parameters = {} } = value;
  return typeof name === "string" && name !== "" && typeof description === "string" && isObject(parameters);
};

const isTools = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every(isTool) &&
  new Set(value.map(({ name }) => name)).size === value.length;

const isVariables = (value: unknown): boolean =>
  isObject(value) && Object.values(value).every((one) => ["string", "number", "boolean"].includes(typeof one));

const isToolChoice = (value: unknown): boolean =>
  value === "auto" || value === "required" || (isObject(value) && typeof value.name === "string");

const schema = z.strictObject({
  maxTokens: option.integer(1),
  temperature: option.number("a number >= 0", (value) => value >= 0),
  topK: option.integer(0),
  topP: option.number("a number above 0, at most 1", (value) => value > 0 && value <= 1),
  minP: option.number("a number from 0 to 1", (value) => value >= 0 && value <= 1),
  repeatPenalty: option.number("a number above 0", (value) => value > 0),
  presencePenalty: option.number("a number", Number.isFinite),
  frequencyPenalty: option.number("a number", Number.isFinite),
  logitBias: option.custom<Readonly<Record<number, number>>>("numbers by token ids", isBias),
  seed: option.number("a whole number", Number.isSafeInteger),
  logprobs: option.integer(0),
  stop: option.texts("a list of texts that are not empty"),
  jsonSchema: option.custom<object>("a JSON schema", isObject),
  tools: option.custom<readonly VlmTool[]>("a list of tools with different names", isTools),
  toolChoice: option.custom<NonNullable<VlmOptions["toolChoice"]>>('"auto", "required" or { name }', isToolChoice),
  parallelToolCalls: option.flag,
  templateVariables: option.custom<TemplateVariables>("texts, numbers and flags by name", isVariables),
  onWarning: option.callback<(warning: string) => void>(),
  signal: option.signal,
});

/** The options of one answer, checked. @throws INVALID_ARGUMENT */
export const parseAnswerOptions = (options: VlmOptions) => parseOptions(schema, options, "Vlm.chat");

export type AnswerOptions = ReturnType<typeof parseAnswerOptions>;

/**
 * Sampling as node-llama-cpp takes it. Nothing is penalized unasked: "likeliest" means just that.
 * @param stops texts that end the answer, beside the caller's
 */
export async function samplingOptions(
  options: AnswerOptions,
  model: LlamaModel,
  maxTokens: number,
  stops: readonly (LlamaText | string)[] = [],
) {
  const { temperature = 0, topK, topP, minP, seed, stop = [], logitBias = {} } = options;
  return {
    temperature,
    repeatPenalty: penaltyOf(options, maxTokens),
    ...setFields({
      topK,
      topP,
      minP,
      tokenBias: Object.keys(logitBias).length > 0 ? await tokenBias(logitBias, model) : undefined,
      // llama.cpp's seeds have 32 bits.
      seed: seed === undefined ? undefined : ((seed % SEEDS) + SEEDS) % SEEDS,
      customStopTriggers: stop.length + stops.length > 0 ? [...stop, ...stops] : undefined,
    }),
  } satisfies LLamaChatGenerateResponseOptions;
}

/** Of all tokens of the answer so far. */
function penaltyOf(options: AnswerOptions, lastTokens: number) {
  const { repeatPenalty: penalty = 1, presencePenalty = 0, frequencyPenalty = 0 } = options;
  if (penalty === 1 && presencePenalty === 0 && frequencyPenalty === 0) return false;
  return { lastTokens, penalty, presencePenalty, frequencyPenalty };
}

/** @throws INVALID_ARGUMENT for an id that the model does not have */
async function tokenBias(biases: Readonly<Record<number, number>>, model: LlamaModel): Promise<TokenBias> {
  const { TokenBias } = await loadNodeLlamaCpp();
  const bias = TokenBias.for(model);
  const count = model.fileInfo.metadata.tokenizer.ggml.tokens.length;
  for (const [id, logit] of Object.entries(biases)) {
    if (Number(id) >= count) throw expectedBut("INVALID_ARGUMENT", `ids below ${count}`, "logitBias", id);
    bias.set(Number(id) as Token, { logit });
  }
  return bias;
}
