import type { DrawnId, ImageRequest } from "./sources/id-source.ts";

/** Ids that are being drawn for image `index` of a call. */
export class Drawing {
  readonly index: number;
  readonly seed: number;
  /** The image's own. */
  readonly signal: AbortSignal | undefined;
  /** [rows * columns] */
  readonly ids: Int32Array;
  /** How many of `ids` were drawn, */
  drawn = 0;
  /** and the sum of their log-likelihoods, where the request is scored. */
  logLikelihood = 0;

  constructor(index: number, { seed, signal }: ImageRequest, kept: Int32Array) {
    this.index = index;
    this.seed = seed;
    this.signal = signal;
    this.ids = kept.slice();
  }

  add(place: number, { id, logLikelihood = 0 }: Extract<DrawnId, { readonly id: number }>): void {
    this.ids[place] = id;
    this.drawn++;
    this.logLikelihood += logLikelihood;
  }
}

/** How far the images of a call are, and which of its drawings are kept. */
export class CallState {
  /** Of images that nobody stopped. */
  readonly failures: unknown[] = [];
  /** Ids that are drawn of each drawing. */
  readonly #each: number;
  /** Of each image, the drawings that have not ended. */
  readonly #open: number[];
  /** Ids that were drawn of each image. */
  readonly #drawn: number[];
  #total: number;
  /** Images that will not come. */
  readonly #failed = new Set<number>();
  /** Of images with open drawings, the likeliest one that is whole. */
  readonly #best = new Map<number, Drawing>();

  /** @param each ids that are drawn of each drawing */
  constructor(images: number, bestOf: number, each: number) {
    this.#each = each;
    this.#open = Array.from({ length: images }, () => bestOf);
    this.#drawn = this.#open.map(() => 0);
    this.#total = images * bestOf * each;
  }

  draw(drawing: Drawing, place: number, one: Extract<DrawnId, { readonly id: number }>): void {
    drawing.add(place, one);
    this.#drawn[drawing.index]!++;
  }

  /**
   * A drawing will not be whole: what it has not drawn is not awaited any more.
   * @returns whether its image has failed now: its own signal stops it, or no drawing of it is left
   */
  lose({ index, signal, drawn }: Drawing, error: unknown): boolean {
    this.#total -= this.#each - drawn;
    const open = --this.#open[index]!;
    if (this.#failed.has(index)) return false;
    const stopped = signal?.aborted === true;
    if (!stopped && (open > 0 || this.#best.has(index))) return false;
    this.#failed.add(index);
    this.#best.delete(index);
    if (!stopped) this.failures.push(error);
    return true;
  }

  /** @param drawings that are whole. @returns the one to keep of each image that has no other to come, in their order */
  finish(drawings: Iterable<Drawing>): Drawing[] {
    for (const drawing of drawings) {
      this.#open[drawing.index]!--;
      if (!this.#failed.has(drawing.index)) keepLikelier(this.#best, drawing);
    }
    const ended = [...this.#best.values()].filter(({ index }) => this.#open[index] === 0);
    for (const { index } of ended) this.#best.delete(index);
    return ended;
  }

  get progress() {
    const done = this.#drawn.reduce((all, one) => all + one, 0);
    return { done, total: this.#total, images: [...this.#drawn] };
  }
}

/** The likeliest drawing of each image, in their order. */
export function likeliest(drawings: Iterable<Drawing>): Drawing[] {
  const best = new Map<number, Drawing>();
  for (const drawing of drawings) keepLikelier(best, drawing);
  return [...best.values()];
}

/** The first of equally likely ones stays. */
function keepLikelier(best: Map<number, Drawing>, drawing: Drawing): void {
  const other = best.get(drawing.index);
  if (other === undefined || drawing.logLikelihood > other.logLikelihood) best.set(drawing.index, drawing);
}
