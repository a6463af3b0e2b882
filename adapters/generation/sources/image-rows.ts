import type { Appended, IdSequences } from "./id-sequences.ts";

/**
 * Whether images share each step: "exact" where their numbers are the same to the bit as alone, which is measured;
 * "always" in any case.
 */
export type Batching = "exact" | "always";

/** llama.cpp computes attention over so many positions at a time: its kernels may change where another block begins. */
const BLOCK = 256;

/**
 * For numbers of images in blocks of positions: how many steps gave the same numbers together and alone, one after the
 * other, or NEVER once one did not.
 */
export type Agreements = Map<string, number>;
const NEVER = -1;
/** Images may be alike in their first steps, and all their sums happen to be rounded alike. */
const ENOUGH = 3;

/**
 * The sequences of images that are drawn together: `width` of them an image, with the prompt and without. Image after
 * image, they have the lowest numbers of the batch, since llama.cpp computes sequences that do not follow each other in
 * parts.
 */
export class ImageRows {
  readonly #sequences: IdSequences;
  readonly #width: number;
  readonly #batching: Batching;
  readonly #agreements: Agreements;

  constructor(
    sequences: IdSequences,
    options: {
      readonly width: number;
      readonly batching: Batching;
      readonly agreements: Agreements;
    },
  ) {
    this.#sequences = sequences;
    this.#width = options.width;
    this.#batching = options.batching;
    this.#agreements = options.agreements;
  }

  /** The image at place `to` holds what that at place `from` holds. */
  copy(from: number, to: number): void {
    const { batch } = this.#sequences;
    for (let i = 0; i < this.#width; i++) batch.copy(from * this.#width + i, to * this.#width + i);
  }

  /** Appends to the image at `place`, as if it were alone. @param given for its [width] sequences. @returns [width] logits */
  alone(place: number, given: readonly Appended[], hidden = false): Promise<Float32Array[]> {
    return this.#sequences.append(given, { sequences: this.#sequencesOf(place), hidden });
  }

  /**
   * Appends to the images at the places from 0 on.
   * @param given for each image and its [width] sequences, of one length
   * @returns for each image [width] logits: those that it would have alone, unless they are batched always
   */
  async step(given: readonly (readonly Appended[])[]): Promise<Float32Array[][]> {
    if (given.length === 1) return [await this.alone(0, given[0]!)];
    if (this.#batching === "always") return this.#together(given);
    // Runs of several tokens are a batch by themselves, and llama.cpp cuts larger ones in other places.
    const { tokens, ids } = given[0]![0]!;
    if (tokens.length + ids.length > 1) return this.#oneByOne(given);
    const { batch, codebookSize } = this.#sequences;
    const lengths = batch.lengths.slice(0, given.length * this.#width);
    const blocks = new Set(lengths.map((length) => Math.floor(length / BLOCK)));
    const key = `${given.length} images of ${this.#width} sequences in the blocks ${[...blocks].sort().join(", ")}`;
    const agreed = batch.canTakeBack ? (this.#agreements.get(key) ?? 0) : NEVER;
    if (agreed === NEVER) return this.#oneByOne(given);
    if (agreed >= ENOUGH) return this.#together(given);

    const together = await this.#together(given, true);
    await batch.takeBack([...together.keys()].flatMap((place) => this.#sequencesOf(place)));
    const alone = await this.#oneByOne(given, true);
    const agree = alone.flat().every((numbers, i) => isSame(numbers, together.flat()[i]!));
    this.#agreements.set(key, agree ? agreed + 1 : NEVER);
    return alone.map((own) => own.map((numbers) => numbers.subarray(0, codebookSize)));
  }

  async #together(given: readonly (readonly Appended[])[], hidden = false): Promise<Float32Array[][]> {
    const sequences = [...given.keys()].flatMap((place) => this.#sequencesOf(place));
    const logits = await this.#sequences.append(given.flat(), { sequences, hidden });
    return given.map((_, place) => logits.slice(place * this.#width, (place + 1) * this.#width));
  }

  async #oneByOne(given: readonly (readonly Appended[])[], hidden = false): Promise<Float32Array[][]> {
    const logits: Float32Array[][] = [];
    for (const [place, own] of given.entries()) logits.push(await this.alone(place, own, hidden));
    return logits;
  }

  #sequencesOf(place: number): number[] {
    return Array.from({ length: this.#width }, (_, i) => place * this.#width + i);
  }
}

/** To the bit, the sign of zero and NaN too: a sum that is rounded otherwise is another one. */
const isSame = (a: Float32Array, b: Float32Array): boolean =>
  Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength));
