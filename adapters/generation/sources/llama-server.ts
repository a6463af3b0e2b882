import { expectedBut, LinkedAbortController } from "../../../sdk/kit.ts";
import type { TokenServer } from "../../llama-cpp/carrier/index.ts";
import { SEEDS } from "../generate-options.ts";
import { FREE, keptRun } from "../kept-ids.ts";
import { promptTokens } from "../vocabulary/prompt.ts";
import { idOfToken, tokensOfIds, type VisualVocabulary } from "../vocabulary/visual-vocabulary.ts";
import type { DrawnId, IdRequest, IdSource } from "./id-source.ts";

/**
 * Added to the logits of the visual tokens. The server's samplers see the whole vocabulary, and no other token
 * outweighs this. It is not larger because a float32 keeps the differences between small logits better.
 */
const VISUAL_BIAS = 100;

/** SplitMix32's step, far from any small number of images. */
const GOLDEN = 0x9e3779b9;

/** LlamaGen's samplers in LlamaGen's order, and no others. */
const SAMPLERS = ["temperature", "top_k", "top_p"];

/**
 * Ids from a llama-server: one image at a time, drawn by the server's own samplers. The server evaluates one sequence
 * for a request, so there is no guidance, and ids come without their likelihoods.
 */
export class LlamaServerIds implements IdSource {
  readonly guidance = false;
  readonly likelihoods = false;
  readonly imagesAtOnce = 1;
  readonly #server: TokenServer;
  readonly #vocabulary: VisualVocabulary;
  readonly #bos: number | null;
  readonly #bias: readonly (readonly [number, number])[];

  /** @param bos what the model puts before each text, if anything */
  constructor(server: TokenServer, vocabulary: VisualVocabulary, bos: number | null) {
    this.#server = server;
    this.#vocabulary = vocabulary;
    this.#bos = bos;
    const { firstToken, codebookSize } = vocabulary;
    this.#bias = Array.from({ length: codebookSize }, (_, id) => [firstToken + id, VISUAL_BIAS]);
  }

  async *ids({ images, kept, sampling, signal: all }: IdRequest): AsyncGenerator<readonly DrawnId[]> {
    const { prompt, seed, signal: own } = images[0]!;
    const either = new LinkedAbortController(own, all);
    const { signal } = either;
    try {
      for await (const id of this.#ids(prompt, seed, { kept, sampling, signal })) yield [{ image: 0, id }];
    } catch (error) {
      all?.throwIfAborted();
      if (!own?.aborted) throw error;
      yield [{ image: 0, error: own.reason }];
    } finally {
      either.unlink();
    }
  }

  async *#ids(
    prompt: string,
    first: number,
    { kept, sampling, signal }: Pick<IdRequest, "kept" | "sampling" | "signal">,
  ): AsyncGenerator<number> {
    const { rows, columns } = this.#vocabulary.grid;
    const tokens = await promptTokens(this.#vocabulary, prompt, this.#bos, (text, { special }) =>
      this.#server.tokenize(text, { special }, signal),
    );
    const total = rows * columns;
    if (tokens.length + total > this.#server.contextSize) {
      const received = `a prompt of ${tokens.length} tokens and an image of ${total}`;
      const mend = "Shorten the prompt, or start the server with a larger --ctx-size.";
      const what = `at most ${this.#server.contextSize} tokens`;
      throw expectedBut("CONTEXT_OVERFLOW", what, "the server's context", received, mend);
    }
    // Each run of ids that are drawn is a completion of what is before it, which the server still has in its cache.
    for (let index = 0, runs = 0; index < total; runs++) {
      const before = keptRun(kept, index);
      tokens.push(...tokensOfIds(this.#vocabulary, before));
      index += before.length;
      const end = kept.findIndex((id, at) => at >= index && id !== FREE);
      const count = (end < 0 ? total : end) - index;
      index += count;
      // A run that began with the last one's random numbers would repeat its draws.
      const seed = (first + runs * GOLDEN) % SEEDS;
      for await (const token of this.#complete(tokens, count, { sampling, seed, signal })) {
        tokens.push(token);
        yield idOfToken(this.#vocabulary, token);
      }
    }
  }

  async *#complete(
    prompt: readonly number[],
    count: number,
    { sampling, seed, signal }: Pick<IdRequest, "sampling" | "signal"> & { readonly seed: number },
  ): AsyncGenerator<number> {
    if (count === 0) return;
    let made = 0;
    const completion = this.#server.complete(prompt, {
      maxTokens: count,
      temperature: sampling.temperature,
      topK: sampling.topK,
      topP: sampling.topP,
      seed,
      extra: { logit_bias: this.#bias, samplers: SAMPLERS, ignore_eos: true },
      ...(signal && { signal }),
    });
    for await (const token of completion) {
      if (made === count) break;
      made++;
      yield token;
    }
    if (made < count) {
      throw expectedBut(
        "SERVER_ERROR",
        `${count} tokens`,
        "POST /completion",
        `${made}`,
        "The server must send token ids (return_tokens): update an old one.",
      );
    }
  }

  async dispose(): Promise<void> {}
}
