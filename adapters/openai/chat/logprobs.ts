import * as z from "zod";
import type { DrawnToken, TokenLogprob } from "../../vision-language-model.ts";

/** OpenAI's. */
const MOST_LIKELIEST = 20;

/** How likely an answer's tokens were: OpenAI's fields, which Ollama has too. */
export const logprobFields = {
  logprobs: z.boolean().optional(),
  top_logprobs: z.int().min(0).max(MOST_LIKELIEST).optional(),
};

interface Asked {
  readonly logprobs?: boolean | undefined;
  readonly top_logprobs?: number | undefined;
}

/** The option `logprobs` of an answer. */
export const toLogprobs = ({ logprobs = false, top_logprobs: likeliest = 0 }: Asked): number | undefined =>
  logprobs || likeliest > 0 ? likeliest : undefined;

const logprobObject = ({ token, logprob }: TokenLogprob) => ({
  token,
  logprob,
  // Of a part of a character its text does not say them.
  bytes: token.includes("\uFFFD") ? null : [...Buffer.from(token)],
});

/** OpenAI's objects of an answer's tokens. */
export const logprobObjects = (tokens: readonly DrawnToken[]) =>
  tokens.map((token) => ({ ...logprobObject(token), top_logprobs: token.likeliest.map(logprobObject) }));
