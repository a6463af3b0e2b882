import type { DrawnId } from "./sources/id-source.ts";

/** Ids that are being drawn for an image of a call. */
export class Drawing {
  /** Its number in the call: image after image, each has `bestOf`. */
  readonly number: number;
  readonly seed: number;
  /** [rows * columns] */
  readonly ids: Int32Array;
  /** Of the ids drawn so far, where the request is scored. */
  logLikelihood = 0;

  constructor(number: number, seed: number, kept: Int32Array) {
    this.number = number;
    this.seed = seed;
    this.ids = kept;
  }

  add(place: number, { id, logLikelihood = 0 }: Extract<DrawnId, { readonly id: number }>): void {
    this.ids[place] = id;
    this.logLikelihood += logLikelihood;
  }
}

/** How far the images of a call are, and which of its drawings are kept. */
export class CallState {
  /** Of images that nobody stopped. */
  readonly failures: unknown[] = [];
  readonly #bestOf: number;
  /** Ids that are drawn of each drawing. */
  readonly #each: number;
  /** Of each drawing. */
  readonly #drawn: number[];
  readonly #lost = new Set<number>();
  /** Images that will not come. */
  readonly #failed = new Set<number>();
  /** Of images that are not whole, the likeliest drawing that is. */
  readonly #best = new Map<number, Drawing>();

  /** @param each ids that are drawn of each drawing */
  constructor(drawings: number, bestOf: number, each: number) {
    this.#drawn = Array.from({ length: drawings }, () => 0);
    this.#bestOf = bestOf;
    this.#each = each;
  }

  imageOf(drawing: number): number {
    return Math.floor(drawing / this.#bestOf);
  }

  draw(drawing: number): void {
    this.#drawn[drawing]!++;
  }

  /**
   * A drawing will not be whole.
   * @param stopped by its image's own signal
   * @returns whether its image has failed now: it is stopped, or has no other drawing left
   */
  lose(drawing: number, stopped: boolean, error: unknown): boolean {
    this.#lost.add(drawing);
    const image = this.imageOf(drawing);
    if (this.#failed.has(image)) return false;
    const first = image * this.#bestOf;
    const others = Array.from({ length: this.#bestOf }, (_, i) => first + i);
    if (!stopped && others.some((other) => !this.#lost.has(other))) return false;
    this.#failed.add(image);
    this.#best.delete(image);
    if (!stopped) this.failures.push(error);
    return true;
  }

  /** The likeliest drawing of each image, in their order. */
  likeliest(drawings: Iterable<Drawing>): Drawing[] {
    const best = new Map<number, Drawing>();
    for (const drawing of drawings) keepLikelier(best, this.imageOf(drawing.number), drawing);
    return [...best.values()];
  }

  /**
   * @param drawings that are whole
   * @param end all drawings before it have ended
   * @returns the drawing to keep of each image that has no other to come
   */
  finish(drawings: Iterable<Drawing>, end: number): Drawing[] {
    for (const drawing of drawings) {
      const image = this.imageOf(drawing.number);
      if (!this.#failed.has(image)) keepLikelier(this.#best, image, drawing);
    }
    const ended = [...this.#best].filter(([image]) => (image + 1) * this.#bestOf <= end);
    for (const [image] of ended) this.#best.delete(image);
    return ended.map(([, drawing]) => drawing);
  }

  /** A drawing as its image is shown. */
  shown({ number, seed, ids }: Drawing) {
    return { index: this.imageOf(number), seed, ids };
  }

  /** What a drawing that was lost has not drawn is not awaited any more. */
  get progress() {
    const images = Array.from({ length: this.#drawn.length / this.#bestOf }, () => 0);
    let [done, total] = [0, 0];
    for (const [drawing, drawn] of this.#drawn.entries()) {
      images[this.imageOf(drawing)]! += drawn;
      done += drawn;
      total += this.#lost.has(drawing) ? drawn : this.#each;
    }
    return { done, total, images };
  }
}

/** The first of equally likely ones stays. */
function keepLikelier(best: Map<number, Drawing>, image: number, drawing: Drawing): void {
  const other = best.get(image);
  if (other === undefined || drawing.logLikelihood > other.logLikelihood) best.set(image, drawing);
}
