import type { LLamaChatGenerateResponseOptions } from "node-llama-cpp";
import * as z from "zod";
import { isObject, option, parseOptions, setFields } from "../../../sdk/kit.ts";
import type { VlmOptions } from "../../vision-language-model.ts";

/** Tokens of an answer where nothing else is asked for. */
export const DEFAULT_MAX_TOKENS = 512;
const SEEDS = 2 ** 32;

const schema = z.strictObject({
  maxTokens: option.integer(1),
  temperature: option.number("a number >= 0", (value) => value >= 0),
  topK: option.integer(0),
  topP: option.number("a number above 0, at most 1", (value) => value > 0 && value <= 1),
  seed: option.number("a whole number", Number.isSafeInteger),
  stop: option.texts("a list of texts that are not empty"),
  jsonSchema: option.custom<object>("a JSON schema", isObject),
  signal: option.signal,
});

/** The options of one answer, checked. @throws INVALID_ARGUMENT */
export const parseAnswerOptions = (options: VlmOptions) => parseOptions(schema, options, "Vlm.chat");

export type AnswerOptions = ReturnType<typeof parseAnswerOptions>;

/** Sampling as node-llama-cpp takes it, without its penalty of what was said before: "likeliest" means just that. */
export function samplingOptions({ temperature = 0, topK, topP, seed, stop = [] }: AnswerOptions) {
  return {
    temperature,
    repeatPenalty: false,
    ...setFields({
      topK,
      topP,
      // llama.cpp's seeds have 32 bits.
      seed: seed === undefined ? undefined : ((seed % SEEDS) + SEEDS) % SEEDS,
      customStopTriggers: stop.length > 0 ? stop : undefined,
    }),
  } satisfies LLamaChatGenerateResponseOptions;
}
