import { expectedBut, guide, logLikelihood, ownTurn, Sampler, uniformNumbers } from "../../../sdk/kit.ts";
import { keptRun } from "../kept-ids.ts";
import { guidanceAt } from "../sampling/sampling.ts";
import type { Appended, IdSequences } from "./id-sequences.ts";
import type { DrawnId, IdRequest, ImageRequest } from "./id-source.ts";
import { type Agreements, type Batching, ImageRows } from "./image-rows.ts";

/** Drawing for so many images takes a few milliseconds; others go on before the next ones. */
const IMAGES_A_TURN = 8;

/** How images share the work. */
export interface SharedWork {
  readonly imagesAtOnce: number;
  readonly batching: Batching;
}

/** A language model that ids are drawn from. */
export interface DrawingModel {
  /** Ids of an image. */
  readonly total: number;
  /** Tokens of each sequence, at most. */
  readonly contextSize: number;
  readonly batching: Batching;
  /** What was measured in earlier requests; this one adds to it. */
  readonly agreements: Agreements;
  /** The tokens before an image's first id, and with guidance those of the model that is shown no prompt. */
  promptTokens(prompt: string, guided: boolean): Promise<readonly (readonly number[])[]>;
  /** @param count sequences that are free again after the work */
  open(count: number): Promise<IdSequences>;
}

/** An image that is being drawn. */
interface Drawing extends ImageRequest {
  /** Its number in the request. */
  readonly image: number;
  readonly sampler: Sampler;
  /** For each of its [width] sequences, what is not decoded yet. */
  next: readonly Appended[];
}

/** Draws the ids of a request. An image has a sequence, and with guidance another one without the prompt. */
export async function* drawIds(
  { images, kept, sampling, scored, signal }: IdRequest,
  { total, contextSize, batching, agreements, promptTokens, open }: DrawingModel,
): AsyncGenerator<readonly DrawnId[]> {
  const guided = sampling.guidanceScale !== 1;
  const width = guided ? 2 : 1;
  const drawings: Drawing[] = [];
  for (const [image, request] of images.entries()) {
    const prompts = await promptTokens(request.prompt, guided);
    for (const tokens of prompts) requireRoom(tokens.length, total, contextSize);
    const next = prompts.map((tokens) => ({ tokens, ids: [] }));
    drawings.push({ ...request, image, sampler: new Sampler(uniformNumbers(request.seed), sampling), next });
  }

  const sequences = await open(images.length * width);
  const rows = new ImageRows(sequences, { width, batching, agreements });
  try {
    for (let [index, isFirst] = [0, true]; index < total; index++, isFirst = false) {
      signal?.throwIfAborted();
      const stopped = leave(drawings, rows, stoppedOf(drawings));
      if (stopped.length > 0) yield stopped;
      if (drawings.length === 0) return;
      const run = keptRun(kept, index);
      index += run.length;
      if (index === total) return;
      for (const drawing of drawings) {
        drawing.next = drawing.next.map(({ tokens, ids }) => ({ tokens, ids: [...ids, ...run] }));
      }
      const logits = isFirst ? await firstStep(rows, drawings) : await rows.step(drawings.map(({ next }) => next));

      const drawn = await drawnOf(drawings, logits, guidanceAt(sampling, index, total), scored);
      for (const [place, one] of drawn.entries()) {
        if ("id" in one) drawings[place]!.next = logits[place]!.map(() => ({ tokens: [], ids: [one.id] }));
      }
      leave(drawings, rows, drawn.filter(isFailure));
      yield drawn;
    }
  } finally {
    await sequences.batch[Symbol.asyncDispose]();
  }
}

function requireRoom(prompt: number, total: number, contextSize: number): void {
  // The last id is drawn, never decoded.
  if (prompt + total - 1 <= contextSize) return;
  const received = `a prompt of ${prompt} tokens before an image of ${total}`;
  const mend = "Shorten the prompt, or load the generator with a larger contextSize.";
  throw expectedBut("CONTEXT_OVERFLOW", `at most ${contextSize} tokens`, "the context", received, mend);
}

type Failure = Extract<DrawnId, { readonly error: unknown }>;
const isFailure = (one: DrawnId): one is Failure => "error" in one;

/** The next id of each image, or why it has none. @param logits for each [width], overwritten */
async function drawnOf(
  drawings: readonly Drawing[],
  logits: readonly (readonly Float32Array[])[],
  scale: number,
  scored: boolean,
): Promise<DrawnId[]> {
  const drawn: DrawnId[] = [];
  for (const [place, { image, sampler }] of drawings.entries()) {
    if (place % IMAGES_A_TURN === IMAGES_A_TURN - 1) await ownTurn();
    const [own, other] = logits[place]!;
    const unguided = scored ? own!.slice() : null;
    try {
      const id = sampler.draw(scale === 1 || !other ? own! : guide(own!, other, scale));
      drawn.push({ image, id, ...(unguided && { logLikelihood: logLikelihood(unguided, id) }) });
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
