import type { IdHead } from "../../../sdk/index.ts";
import { type LanguageModel, SequenceBatch } from "../../llama-cpp/index.ts";
import { type JanusPrompts, janusPrompt, withoutPrompt } from "../vocabulary/janus-prompt.ts";
import { drawIds, type IdSequences, requireRoomFor } from "./draw-ids.ts";
import type { IdRequest, IdSource } from "./id-source.ts";

/**
 * Ids of a Janus, whose language model has no tokens for them: they go into llama.cpp as embeddings, and its hidden states come
 * out, both by the tokenizer's own layers (deepseek-ai/Janus, generation_inference.py).
 */
export class IdHeadIds implements IdSource {
  readonly guidance = true;
  readonly imagesAtOnce: number;
  readonly #llm: LanguageModel;
  readonly #head: IdHead;
  readonly #prompts: JanusPrompts;
  readonly #total: number;

  /** @param total ids of an image */
  constructor(llm: LanguageModel, head: IdHead, prompts: JanusPrompts, total: number, imagesAtOnce: number) {
    this.#llm = llm;
    this.#head = head;
    this.#prompts = prompts;
    this.#total = total;
    this.imagesAtOnce = imagesAtOnce;
  }

  async *ids({ prompt, ...request }: IdRequest): AsyncGenerator<readonly number[]> {
    const { seeds, sampling, signal } = request;
    const { context, model } = this.#llm;
    const tokens = janusPrompt(this.#prompts, prompt, (text) => model.tokenize(text));
    requireRoomFor(tokens.length, this.#total, context.contextSize);
    const beginnings = sampling.guidanceScale === 1 ? [tokens] : [tokens, withoutPrompt(this.#prompts, tokens)];
    yield* drawIds(request, this.#total, async () => {
      const batch = await SequenceBatch.open(context, seeds.length * beginnings.length);
      const each = beginnings.flatMap((tokens) => seeds.map(() => tokens));
      return new HeadSequences(batch, this.#head, each, signal);
    });
  }

  async dispose(): Promise<void> {
    await this.#llm[Symbol.asyncDispose]();
  }
}

class HeadSequences implements IdSequences {
  readonly #batch: SequenceBatch;
  readonly #head: IdHead;
  readonly #signal: AbortSignal | undefined;
  /** Tokens that go before the first ids. */
  #before: readonly (readonly number[])[];

  constructor(
    batch: SequenceBatch,
    head: IdHead,
    before: readonly (readonly number[])[],
    signal: AbortSignal | undefined,
  ) {
    this.#batch = batch;
    this.#head = head;
    this.#before = before;
    this.#signal = signal;
  }

  async append(ids: readonly (readonly number[])[]): Promise<Float32Array[]> {
    let states: Float32Array[] = [];
    if (this.#before.length > 0) states = await this.#batch.hiddenStates(this.#before);
    this.#before = [];
    if (ids.some(({ length }) => length > 0)) states = await this.#batch.hiddenStates(await this.#embedded(ids));
    const { width, codebookSize } = this.#head;
    const all = new Float32Array(states.length * width);
    for (const [i, state] of states.entries()) all.set(state, i * width);
    const logits = await this.#head.predictIds(all, { signal: this.#signal });
    return states.map((_, i) => logits.subarray(i * codebookSize, (i + 1) * codebookSize));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#batch[Symbol.asyncDispose]();
  }

  async #embedded(ids: readonly (readonly number[])[]): Promise<Float32Array[]> {
    const rows = await this.#head.embedIds(ids.flat(), { signal: this.#signal });
    let at = 0;
    return ids.map(({ length }) => rows.slice(at * this.#head.width, (at += length) * this.#head.width));
  }
}
