import { type LanguageModel, SequenceBatch } from "../../llama-cpp/index.ts";
import { promptTokens, type Tokenize } from "../vocabulary/prompt.ts";
import { tokensOfIds, type VisualVocabulary } from "../vocabulary/visual-vocabulary.ts";
import { drawIds, type IdSequences, requireRoomFor } from "./draw-ids.ts";
import type { IdRequest, IdSource } from "./id-source.ts";

/** Ids from llama.cpp in this process: all images of a request, with and without the prompt, are one batch. */
export class LlamaCppIds implements IdSource {
  readonly guidance = true;
  readonly imagesAtOnce: number;
  readonly #llm: LanguageModel;
  readonly #vocabulary: VisualVocabulary;
  readonly #bos: number | null;
  readonly #tokenize: Tokenize;

  /** @param bos what the model puts before each text, if anything */
  constructor(llm: LanguageModel, vocabulary: VisualVocabulary, bos: number | null, imagesAtOnce: number) {
    this.#llm = llm;
    this.#vocabulary = vocabulary;
    this.#bos = bos;
    this.imagesAtOnce = imagesAtOnce;
    this.#tokenize = (text, { special, inner }) =>
      llm.model.tokenize(text, special, inner ? "trimLeadingSpace" : undefined);
  }

  async *ids({ prompt, ...request }: IdRequest): AsyncGenerator<readonly number[]> {
    const { grid, unconditionalPrompt } = this.#vocabulary;
    const { seeds, sampling } = request;
    const { context } = this.#llm;
    const total = grid.rows * grid.columns;
    const prompts = sampling.guidanceScale === 1 ? [prompt] : [prompt, unconditionalPrompt];
    const beginnings = await Promise.all(prompts.map((text) => this.#promptTokens(text)));
    for (const tokens of beginnings) requireRoomFor(tokens.length, total, context.contextSize);
    yield* drawIds(request, total, async () => {
      const batch = await SequenceBatch.open(context, seeds.length * prompts.length);
      const each = beginnings.flatMap((tokens) => seeds.map(() => tokens));
      return new TokenSequences(batch, this.#vocabulary, each);
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
class TokenSequences implements IdSequences {
  readonly #batch: SequenceBatch;
  readonly #vocabulary: VisualVocabulary;
  /** Tokens that go before the first ids. */
  #before: readonly (readonly number[])[];

  constructor(batch: SequenceBatch, vocabulary: VisualVocabulary, before: readonly (readonly number[])[]) {
    this.#batch = batch;
    this.#vocabulary = vocabulary;
    this.#before = before;
  }

  async append(ids: readonly (readonly number[])[]): Promise<Float32Array[]> {
    const { firstToken, codebookSize } = this.#vocabulary;
    const tokens = ids.map((own, i) => [...(this.#before[i] ?? []), ...tokensOfIds(this.#vocabulary, own)]);
    this.#before = [];
    return this.#batch.append(tokens, { first: firstToken, count: codebookSize });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#batch[Symbol.asyncDispose]();
  }
}
