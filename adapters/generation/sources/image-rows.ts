import type { LogitRange, SequenceBatch } from "../../llama-cpp/index.ts";

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
  readonly #batch: SequenceBatch;
  readonly #width: number;
  readonly #range: LogitRange;
  readonly #batching: Batching;
  readonly #agreements: Agreements;

  constructor(
    batch: SequenceBatch,
    options: {
      readonly width: number;
      readonly range: LogitRange;
      readonly batching: Batching;
      readonly agreements: Agreements;
    },
  ) {
    this.#batch = batch;
    this.#width = options.width;
    this.#range = options.range;
    this.#batching = options.batching;
    this.#agreements = options.agreements;
  }

  /** The image at place `to` holds what that at place `from` holds. */
  copy(from: number, to: number): void {
    for (let i = 0; i < this.#width; i++) this.#batch.copy(from * this.#width + i, to * this.#width + i);
  }

  /** Appends tokens to the image at `place`, as if it were alone. @param tokens [width] lists. @returns [width] logits */
  alone(place: number, tokens: readonly (readonly number[])[], hidden = false): Promise<Float32Array[]> {
    return this.#batch.append(tokens, this.#range, { sequences: this.#sequencesOf(place), hidden });
  }

  /**
   * Appends tokens to the images at the places from 0 on.
   * @param tokens for each image [width] lists of one length
   * @returns for each image [width] logits: those that it would have alone, unless they are batched always
   */
  async step(tokens: readonly (readonly (readonly number[])[])[]): Promise<Float32Array[][]> {
    if (tokens.length === 1) return [await this.alone(0, tokens[0]!)];
    if (this.#batching === "always") return this.#together(tokens);
    // Runs of several tokens are a batch by themselves, and llama.cpp cuts larger ones in other places.
    if (tokens[0]![0]!.length > 1) return this.#oneByOne(tokens);
    const lengths = this.#batch.lengths.slice(0, tokens.length * this.#width);
    const blocks = new Set(lengths.map((length) => Math.floor(length / BLOCK)));
    const key = `${tokens.length} images of ${this.#width} sequences in the blocks ${[...blocks].sort().join(", ")}`;
    const agreed = this.#batch.canTakeBack ? (this.#agreements.get(key) ?? 0) : NEVER;
    if (agreed === NEVER) return this.#oneByOne(tokens);
    if (agreed >= ENOUGH) return this.#together(tokens);

    const together = await this.#together(tokens, true);
    await this.#batch.takeBack([...together.keys()].flatMap((place) => this.#sequencesOf(place)));
    const alone = await this.#oneByOne(tokens, true);
    const agree = alone.flat().every((numbers, i) => isSame(numbers, together.flat()[i]!));
    this.#agreements.set(key, agree ? agreed + 1 : NEVER);
    return alone.map((own) => own.map((numbers) => numbers.subarray(0, this.#range.count)));
  }

  async #together(tokens: readonly (readonly (readonly number[])[])[], hidden = false): Promise<Float32Array[][]> {
    const sequences = [...tokens.keys()].flatMap((place) => this.#sequencesOf(place));
    const logits = await this.#batch.append(tokens.flat(), this.#range, { sequences, hidden });
    return tokens.map((_, place) => logits.slice(place * this.#width, (place + 1) * this.#width));
  }

  async #oneByOne(tokens: readonly (readonly (readonly number[])[])[], hidden = false): Promise<Float32Array[][]> {
    const logits: Float32Array[][] = [];
    for (const [place, own] of tokens.entries()) logits.push(await this.alone(place, own, hidden));
    return logits;
  }

  #sequencesOf(place: number): number[] {
    return Array.from({ length: this.#width }, (_, i) => place * this.#width + i);
  }
}

/** To the bit, the sign of zero and NaN too: a sum that is rounded otherwise is another one. */
const isSame = (a: Float32Array, b: Float32Array): boolean =>
  Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength));
