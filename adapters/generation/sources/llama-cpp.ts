import { type LanguageModel, SequenceBatch } from "../../llama-cpp/index.ts";
import { promptTokens, type Tokenize } from "../vocabulary/prompt.ts";
import { tokensOfIds, type VisualVocabulary } from "../vocabulary/visual-vocabulary.ts";
import { drawIds, type SharedWork } from "./draw-ids.ts";
import type { Appended, AppendIdsOptions, IdSequences } from "./id-sequences.ts";
import type { DrawnId, IdRequest, IdSource } from "./id-source.ts";
import type { Agreements, Batching } from "./image-rows.ts";

/** Ids from llama.cpp in this process: all images of a request, with and without the prompt, are one batch. */
export class LlamaCppIds implements IdSource {
  readonly guidance = true;
  readonly likelihoods = true;
  readonly imagesAtOnce: number;
  readonly #llm: LanguageModel;
  readonly #vocabulary: VisualVocabulary;
  readonly #bos: number | null;
  readonly #batching: Batching;
  readonly #tokenize: Tokenize;
  readonly #agreements: Agreements = new Map();

  /** @param bos what the model puts before each text, if anything */
  constructor(llm: LanguageModel, vocabulary: VisualVocabulary, bos: number | null, shared: SharedWork) {
    this.#llm = llm;
    this.#vocabulary = vocabulary;
    this.#bos = bos;
    this.imagesAtOnce = shared.imagesAtOnce;
    this.#batching = shared.batching;
    this.#tokenize = (text, { special, inner }) =>
      llm.model.tokenize(text, special, inner ? "trimLeadingSpace" : undefined);
  }

  ids(request: IdRequest): AsyncGenerator<readonly DrawnId[]> {
    const { grid, unconditionalPrompt } = this.#vocabulary;
    const { context } = this.#llm;
    return drawIds(request, {
      total: grid.rows * grid.columns,
      contextSize: context.contextSize,
      batching: this.#batching,
      agreements: this.#agreements,
      promptTokens: (prompt, guided) =>
        Promise.all((guided ? [prompt, unconditionalPrompt] : [prompt]).map((text) => this.#promptTokens(text))),
      open: async (count) => new TokenSequences(await SequenceBatch.open(context, count), this.#vocabulary),
    });
  }

  async dispose(): Promise<void> {
    await this.#llm[Symbol.asyncDispose]();
  }

  #promptTokens(prompt: string): Promise<number[]> {
    return promptTokens(this.#vocabulary, prompt, this.#bos, this.#tokenize);
  }
}

/** Ids as tokens of the model's vocabulary. */
export class TokenSequences implements IdSequences {
  readonly batch: SequenceBatch;
  readonly codebookSize: number;
  readonly #vocabulary: Pick<VisualVocabulary, "firstToken" | "codebookSize">;

  constructor(batch: SequenceBatch, vocabulary: Pick<VisualVocabulary, "firstToken" | "codebookSize">) {
    this.batch = batch;
    this.codebookSize = vocabulary.codebookSize;
    this.#vocabulary = vocabulary;
  }

  append(given: readonly Appended[], options: AppendIdsOptions): Promise<Float32Array[]> {
    const tokens = given.map(({ tokens, ids }) => [...tokens, ...tokensOfIds(this.#vocabulary, ids)]);
    return this.batch.append(tokens, { first: this.#vocabulary.firstToken, count: this.codebookSize }, options);
  }
}
