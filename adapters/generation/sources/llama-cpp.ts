import { expectedBut, guide, ownTurn, Sampler, uniformNumbers } from "../../../sdk/kit.ts";
import { type LanguageModel, SequenceBatch } from "../../llama-cpp/index.ts";
import { keptRun } from "../kept-ids.ts";
import { guidanceAt } from "../sampling/sampling.ts";
import { promptTokens, type Tokenize } from "../vocabulary/prompt.ts";
import { tokensOfIds, type VisualVocabulary } from "../vocabulary/visual-vocabulary.ts";
import type { DrawnId, IdRequest, IdSource, ImageRequest } from "./id-source.ts";
import { type Agreements, type Batching, ImageRows } from "./image-rows.ts";

/** Drawing for so many images takes a few milliseconds; others go on before the next ones. */
const IMAGES_A_TURN = 8;

/** How images share the work. */
export interface SharedWork {
  readonly imagesAtOnce: number;
  readonly batching: Batching;
}

/** An image that is being drawn. */
interface Drawing extends ImageRequest {
  /** Its number in the request. */
  readonly image: number;
  readonly sampler: Sampler;
  /** [width] lists that are not decoded yet. */
  next: readonly (readonly number[])[];
}

/** Ids from llama.cpp in this process: all images of a request, with and without the prompt, are one batch. */
export class LlamaCppIds implements IdSource {
  readonly guidance = true;
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

  async *ids({ images, kept, sampling, signal }: IdRequest): AsyncGenerator<readonly DrawnId[]> {
    const { grid, firstToken, codebookSize, unconditionalPrompt } = this.#vocabulary;
    const total = grid.rows * grid.columns;
    const guided = sampling.guidanceScale !== 1;
    const texts = (prompt: string) => (guided ? [prompt, unconditionalPrompt] : [prompt]);
    const width = texts("").length;
    const drawings: Drawing[] = [];
    for (const [image, request] of images.entries()) {
      const next = await Promise.all(texts(request.prompt).map((text) => this.#promptTokens(text)));
      for (const tokens of next) this.#requireRoom(tokens.length);
      drawings.push({ ...request, image, sampler: new Sampler(uniformNumbers(request.seed), sampling), next });
    }

    const batch = await SequenceBatch.open(this.#llm.context, images.length * width);
    const range = { first: firstToken, count: codebookSize };
    const shared = { batching: this.#batching, agreements: this.#agreements };
    const rows = new ImageRows(batch, { width, range, ...shared });
    try {
      for (let [index, isFirst] = [0, true]; index < total; index++, isFirst = false) {
        signal?.throwIfAborted();
        const stopped = leave(drawings, rows, stoppedOf(drawings));
        if (stopped.length > 0) yield stopped;
        if (drawings.length === 0) return;
        const run = tokensOfIds(this.#vocabulary, keptRun(kept, index));
        index += run.length;
        if (index === total) return;
        for (const drawing of drawings) drawing.next = drawing.next.map((before) => [...before, ...run]);
        const logits = isFirst ? await firstStep(rows, drawings) : await rows.step(drawings.map(({ next }) => next));

        const drawn = await drawnOf(drawings, logits, guidanceAt(sampling, index, total));
        for (const [place, one] of drawn.entries()) {
          if ("id" in one) drawings[place]!.next = logits[place]!.map(() => [firstToken + one.id]);
        }
        leave(drawings, rows, drawn.filter(isFailure));
        yield drawn;
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

type Failure = Extract<DrawnId, { readonly error: unknown }>;
const isFailure = (one: DrawnId): one is Failure => "error" in one;

/** The next id of each image, or why it has none. @param logits for each [width], overwritten */
async function drawnOf(
  drawings: readonly Drawing[],
  logits: readonly (readonly Float32Array[])[],
  scale: number,
): Promise<DrawnId[]> {
  const drawn: DrawnId[] = [];
  for (const [place, { image, sampler }] of drawings.entries()) {
    if (place % IMAGES_A_TURN === IMAGES_A_TURN - 1) await ownTurn();
    const [own, other] = logits[place]!;
    try {
      drawn.push({ image, id: sampler.draw(scale === 1 || !other ? own! : guide(own!, other, scale)) });
    } catch (error) {
      drawn.push({ image, error });
    }
  }
  return drawn;
}

const stoppedOf = (drawings: readonly Drawing[]): Failure[] =>
  drawings.flatMap(({ image, signal }) => (signal?.aborted ? [{ image, error: signal.reason }] : []));

/** Takes images out. Each one's place goes to the last image, so that those that stay follow each other. */
function leave(drawings: Drawing[], rows: ImageRows, failures: readonly Failure[]): readonly Failure[] {
  for (const { image } of failures) {
    const place = drawings.findIndex((drawing) => drawing.image === image);
    const last = drawings.pop()!;
    if (last.image === image) continue;
    rows.copy(drawings.length, place);
    drawings[place] = last;
  }
  return failures;
}

/** Each prompt is decoded once, as for one image, and its other images become copies. */
async function firstStep(rows: ImageRows, drawings: readonly Drawing[]): Promise<Float32Array[][]> {
  const logits: Float32Array[][] = [];
  for (const [place, { prompt, next }] of drawings.entries()) {
    const same = drawings.findIndex((other) => other.prompt === prompt);
    if (same === place) logits.push(await rows.alone(place, next));
    else {
      rows.copy(same, place);
      logits.push(logits[same]!.map((own) => own.slice()));
    }
  }
  return logits;
}
