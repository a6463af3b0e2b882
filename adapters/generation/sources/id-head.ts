import type { IdHead } from "../../../sdk/index.ts";
import { type LanguageModel, SequenceBatch } from "../../llama-cpp/index.ts";
import { type JanusPrompts, janusPrompt, withoutPrompt } from "../vocabulary/janus-prompt.ts";
import { drawIds, type SharedWork } from "./draw-ids.ts";
import type { Appended, AppendIdsOptions, IdSequences } from "./id-sequences.ts";
import type { DrawnId, IdRequest, IdSource } from "./id-source.ts";
import type { Agreements, Batching } from "./image-rows.ts";

/**
 * Ids of a Janus, whose language model has no tokens for them: they go into llama.cpp as embeddings, and its hidden states come
 * out, both by the tokenizer's own layers (deepseek-ai/Janus, generation_inference.py).
 */
export class IdHeadIds implements IdSource {
  readonly guidance = true;
  readonly likelihoods = true;
  readonly imagesAtOnce: number;
  readonly #llm: LanguageModel;
  readonly #head: IdHead;
  readonly #prompts: JanusPrompts;
  readonly #total: number;
  readonly #batching: Batching;
  readonly #agreements: Agreements = new Map();

  /** @param total ids of an image */
  constructor(llm: LanguageModel, head: IdHead, prompts: JanusPrompts, total: number, shared: SharedWork) {
    this.#llm = llm;
    this.#head = head;
    this.#prompts = prompts;
    this.#total = total;
    this.imagesAtOnce = shared.imagesAtOnce;
    this.#batching = shared.batching;
  }

  ids(request: IdRequest): AsyncGenerator<readonly DrawnId[]> {
    const { context, model } = this.#llm;
    return drawIds(request, {
      total: this.#total,
      contextSize: context.contextSize,
      batching: this.#batching,
      agreements: this.#agreements,
      promptTokens: async (prompt, guided) => {
        const tokens = janusPrompt(this.#prompts, prompt, (text) => model.tokenize(text));
        return guided ? [tokens, withoutPrompt(this.#prompts, tokens)] : [tokens];
      },
      open: async (count) => new HeadSequences(await SequenceBatch.open(context, count), this.#head, request.signal),
    });
  }

  async dispose(): Promise<void> {
    await this.#llm[Symbol.asyncDispose]();
  }
}

class HeadSequences implements IdSequences {
  readonly batch: SequenceBatch;
  readonly codebookSize: number;
  readonly #head: IdHead;
  readonly #signal: AbortSignal | undefined;

  constructor(batch: SequenceBatch, head: IdHead, signal: AbortSignal | undefined) {
    this.batch = batch;
    this.codebookSize = head.codebookSize;
    this.#head = head;
    this.#signal = signal;
  }

  async append(given: readonly Appended[], { sequences, hidden }: AppendIdsOptions): Promise<Float32Array[]> {
    const tokens = given.map(({ tokens }) => tokens);
    const ids = given.map(({ ids }) => ids);
    let states: Float32Array[] = [];
    if (tokens.some(({ length }) => length > 0)) states = await this.batch.hiddenStates(tokens, { sequences });
    if (ids.some(({ length }) => length > 0)) {
      states = await this.batch.hiddenStates(await this.#embedded(ids), { sequences });
    }
    const { width } = this.#head;
    const all = new Float32Array(states.length * width);
    for (const [i, state] of states.entries()) all.set(state, i * width);
    const logits = await this.#head.predictIds(all, { signal: this.#signal });
    return states.map((state, i) => {
      const own = logits.subarray(i * this.codebookSize, (i + 1) * this.codebookSize);
      return hidden ? Float32Array.from([...own, ...state]) : own;
    });
  }

  async #embedded(ids: readonly (readonly number[])[]): Promise<Float32Array[]> {
    const rows = await this.#head.embedIds(ids.flat(), { signal: this.#signal });
    let at = 0;
    return ids.map(({ length }) => rows.slice(at * this.#head.width, (at += length) * this.#head.width));
  }
}
