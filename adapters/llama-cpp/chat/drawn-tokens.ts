import type { LlamaContextSequence, LlamaModel, Token } from "node-llama-cpp";
import { expectedBut } from "../../../sdk/kit.ts";
import type { DrawnToken, TokenLogprob } from "../../vision-language-model.ts";

/** What stands for the logarithm of 0, which JSON has not; OpenAI's. */
const NEVER = -9999;

/** The tokens that a chat draws, and how likely they were. */
export interface DrawnTokens {
  /** Those of a text, the next ones of all that were drawn. What is no text, such as a tag of a thought, is passed over. */
  take(tokens: readonly Token[]): DrawnToken[];
  /** @throws RUNTIME where tokens were drawn and none was seen */
  requireSeen(count: number): void;
  end(): void;
}

/**
 * Looks at what a sequence draws until `end`. node-llama-cpp's chats draw by `sequence.evaluate` and keep no probabilities; here
 * it has them.
 * @param likeliest how many of the likeliest tokens come with each
 */
export function watchDrawn(sequence: LlamaContextSequence, model: LlamaModel, likeliest: number): DrawnTokens {
  const drawn: { readonly token: Token; readonly said: DrawnToken }[] = [];
  let seen = 0;
  const logprobOf = ([token, probability]: readonly [Token, number]): TokenLogprob => ({
    token: model.detokenize([token], true),
    logprob: probability > 0 ? Math.log(probability) : NEVER,
  });
  const evaluate: LlamaContextSequence["evaluate"] = async function* (tokens, options) {
    const all = sequence.evaluateWithMetadata(tokens, { probabilities: true }, options);
    try {
      let next = await all.next();
      while (!next.done) {
        const { token, probabilities } = next.value;
        const own = logprobOf([token, probabilities.get(token) ?? 0]);
        const first = probabilities.entries().take(likeliest).map(logprobOf).toArray();
        drawn.push({ token, said: { ...own, likeliest: first } });
        seen += 1;
        next = await all.next(yield token);
      }
    } finally {
      await all.return();
    }
  };
  Object.defineProperty(sequence, "evaluate", { value: evaluate, configurable: true });
  return {
    take(tokens) {
      return tokens.flatMap((token) => {
        const at = drawn.findIndex((one) => one.token === token);
        const [found] = at < 0 ? [] : drawn.splice(0, at + 1).slice(-1);
        return found ? [found.said] : [];
      });
    },
    requireSeen(count) {
      if (count === 0 || seen > 0) return;
      throw expectedBut("RUNTIME", "a chat that draws by its sequence", "node-llama-cpp", "another");
    },
    end: () => void Reflect.deleteProperty(sequence, "evaluate"),
  };
}
