import * as z from "zod";
import { setFields } from "../../../sdk/kit.ts";
import type { VlmOptions } from "../../vision-language-model.ts";
import { listOf, only } from "../http/parse.ts";
import type { EndpointLimits } from "../limits.ts";

const MAX_STOPS = 16;
/** Of llama.cpp: as many as the context holds. */
const UNLIMITED = 2 ** 31 - 1;

/** A number of tokens; -1, and what llama.cpp's clients send beside it, is as many as the context holds. */
export const tokenCount = z.union([z.int().min(1), z.literal(-1).transform(() => UNLIMITED)]).optional();

/** 0 is what clients send that have taken it for OpenAI's. */
const repeated = z
  .number()
  .min(0)
  .max(10)
  .transform((value) => value || 1)
  .optional();
/** A list that asks for nothing where it is empty. */
const emptyList = (why: string) => z.array(z.unknown()).max(0, `it is not supported: ${why}.`).optional();
const penalty = z.number().min(-2).max(2).optional();
const tokenId = z.string().regex(/^\d{1,9}$/, "Expected ids of tokens");
const stopText = (most: number) => z.string().min(1).max(most, `Expected at most ${most} characters`);

/** How the tokens of an answer are chosen: OpenAI's fields, and those of llama.cpp and vLLM. */
export const samplingFields = ({ stopCharacters }: EndpointLimits) => ({
  temperature: z.number().min(0).max(2).optional(),
  top_p: z.number().min(0).max(1).optional(),
  top_k: z.int().min(-1).optional(),
  min_p: z.number().min(0).max(1).optional(),
  repeat_penalty: repeated,
  repetition_penalty: repeated,
  presence_penalty: penalty,
  frequency_penalty: penalty,
  logit_bias: z.record(tokenId, z.number().min(-100).max(100)).optional(),
  seed: z.int().optional(),
  stop: z.union([stopText(stopCharacters), listOf(stopText(stopCharacters), MAX_STOPS)]).optional(),
  ...notSampled,
});

const SAMPLED = "only temperature, top_k, top_p, min_p and penalties are";
const ENDS = "an answer ends where the model ends it, at max_tokens, or at the texts of stop";

/** Ways of llama.cpp, vLLM and others to choose tokens that no model here has. They are refused where they are on. */
const notSampled = {
  mirostat: only([0], SAMPLED),
  typical_p: only([1], SAMPLED),
  typ_p: only([1], SAMPLED),
  tfs_z: only([1], SAMPLED),
  top_a: only([0], SAMPLED),
  top_n_sigma: only([-1, 0], SAMPLED),
  xtc_probability: only([0], SAMPLED),
  dry_multiplier: only([0], SAMPLED),
  dynatemp_range: only([0], SAMPLED),
  no_repeat_ngram_size: only([0], SAMPLED),
  use_beam_search: only([false], "tokens are drawn one after the other"),
  min_tokens: only([0], ENDS),
  ignore_eos: only([false], ENDS),
  stop_token_ids: emptyList(ENDS),
  bad_words: emptyList("send logit_bias"),
  allowed_token_ids: emptyList("send logit_bias"),
  grammar: only([""], "ask for a JSON schema"),
};

type Sampling = z.output<z.ZodObject<ReturnType<typeof samplingFields>>>;

/** The same as a model takes it. */
export const toSampling = (request: Sampling): VlmOptions =>
  setFields({
    temperature: request.temperature,
    // 0 is the likeliest token alone.
    topP: request.top_p === 0 ? Number.MIN_VALUE : request.top_p,
    topK: request.top_k === -1 ? 0 : request.top_k,
    minP: request.min_p,
    repeatPenalty: request.repeat_penalty ?? request.repetition_penalty,
    presencePenalty: request.presence_penalty,
    frequencyPenalty: request.frequency_penalty,
    logitBias: request.logit_bias,
    seed: request.seed,
    stop: typeof request.stop === "string" ? [request.stop] : request.stop,
  });
