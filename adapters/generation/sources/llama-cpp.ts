import { expectedBut } from "../../../sdk/kit.ts";
import { type LanguageModel, SequenceBatch } from "../../llama-cpp/index.ts";
import { keptRun } from "../kept-ids.ts";
import { guide } from "../sampling/guide.ts";
import { Sampler } from "../sampling/sampler.ts";
import { guidanceAt } from "../sampling/sampling.ts";
import { promptTokens, type Tokenize } from "../vocabulary/prompt.ts";
import { tokensOfIds, type VisualVocabulary } from "../vocabulary/visual-vocabulary.ts";
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

  async *ids({ prompt, seeds, kept, sampling, signal }: IdRequest): AsyncGenerator<readonly number[]> {
    const { grid, firstToken, codebookSize, unconditionalPrompt } = this.#vocabulary;
    const total = grid.rows * grid.columns;
    const guided = sampling.guidanceScale !== 1;
    const prompts = guided ? [prompt, unconditionalPrompt] : [prompt];
    const beginnings = await Promise.all(prompts.map((text) => this.#promptTokens(text)));
    for (const tokens of beginnings) this.#requireRoom(tokens.length);

    const samplers = seeds.map((seed) => new Sampler(seed, sampling));
    const batch = await SequenceBatch.open(this.#llm.context, seeds.length * prompts.length);
    try {
      // First the images with the prompt, then the same without it.
      let next = beginnings.flatMap((tokens) => seeds.map(() => tokens));
      for (let index = 0; index < total; index++) {
        signal?.throwIfAborted();
        const run = keptRun(kept, index);
        if (run.length > 0) {
          const tokens = tokensOfIds(this.#vocabulary, run);
          next = next.map((before) => [...before, ...tokens]);
          index += run.length;
          if (index === total) return;
        }
        const logits = await batch.append(next, { first: firstToken, count: codebookSize });
        const scale = guidanceAt(sampling, index, total);
        const unconditional = logits.slice(seeds.length);
        const ids = logits.slice(0, seeds.length).map((own, image) => {
          const other = scale === 1 ? undefined : unconditional[image];
          return samplers[image]!.draw(other === undefined ? own : guide(own, other, scale));
        });
        yield ids;
        next = prompts.flatMap(() => ids.map((id) => [firstToken + id]));
      }
    } finally {
      await batch[Symbol.asyncDispose]();
    }
  }

  async dispose(): Promise<void> {
    await this.#llm[Symbol.asyncDispose]();
  }

  #promptTokens(prompt: string): Promise<number[]> {
    return promptTokens(this.#vocabulary, prompt, this.#bos, this.#tokenize);
  }

  #requireRoom(prompt: number): void {
    const { rows, columns } = this.#vocabulary.grid;
    const { contextSize } = this.#llm.context;
    // The last id is drawn, never decoded.
    const needed = prompt + rows * columns - 1;
    if (needed <= contextSize) return;
    const received = `a prompt of ${prompt} tokens before an image of ${rows * columns}`;
    const mend = "Shorten the prompt, or load the generator with a larger contextSize.";
    throw expectedBut("CONTEXT_OVERFLOW", `at most ${contextSize} tokens`, "the context", received, mend);
  }
}
