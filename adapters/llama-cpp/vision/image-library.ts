import { createHash } from "node:crypto";
import type { ImageEmbeddings, ImageSegment } from "../../../sdk/index.ts";
import { expectedBut } from "../../../sdk/kit.ts";
import { isVirtualToken, placeOf, VIRTUAL_TOKENS, virtualToken } from "../native/virtual-tokens.ts";
import { gridLength } from "./positions.ts";

/** Places of an image that are decoded together or one by one: rows of embeddings. */
export interface EmbeddingPlaces {
  readonly key: string;
  /** The first place of all that the image has. */
  readonly base: number;
  /** Where these begin, counted from there. */
  readonly first: number;
  /** Positions that they take in the sequence. */
  readonly positions: number;
  readonly segment: number;
  readonly rows: number;
  readonly grid: { readonly rows: number; readonly columns: number };
  /** Where each of a video's grids stands in time; [0] for an image. */
  readonly times: readonly number[];
  readonly attention: "causal" | "full";
}

interface ImageText {
  readonly text: string;
  readonly tokens: readonly number[];
}

interface KnownImage {
  readonly key: string;
  readonly base: number;
  /** Places in all. */
  readonly positions: number;
  /** What stands in its place: text with its tokens, and places. */
  readonly parts: readonly (ImageText | EmbeddingPlaces)[];
}

export interface LibraryOptions {
  /** Most bytes of embeddings that are kept; the images that were used last stay. */
  readonly cacheBytes: number;
  /** Most images whose places are known; those that were used last stay. */
  readonly mostImages: number;
  /** Whether an image's positions have several axes: then its grid takes as many as its longest side, time included. */
  readonly multiAxis: boolean;
  tokenize(text: string): number[];
}

/**
 * The images that a context may hold: their tokens and places, some hundred bytes, and their embeddings while there is
 * room.
 *
 * A sequence may still hold an image that is dropped here. When the image is added again it gets the same places, which
 * follow from its key, and the sequence fits again. Until then a text that names it is refused, and so is decoding it.
 */
export class ImageLibrary {
  readonly #options: LibraryOptions;
  /** In the order of their last use. A chat tokenizes its history at every turn, and so uses all of its images. */
  readonly #images = new Map<string, KnownImage>();
  /** In the order of their last use. */
  readonly #embeddings = new Map<string, readonly ImageSegment[]>();
  #bytes = 0;
  /** The one that was looked up last: an image's places come one after the other. */
  #last: KnownImage | undefined;

  constructor(options: LibraryOptions) {
    this.#options = options;
  }

  /** Images whose embeddings are at hand, and the bytes of these. */
  get cached(): { readonly images: number; readonly bytes: number } {
    return { images: this.#embeddings.size, bytes: this.#bytes };
  }

  has(key: string): boolean {
    return this.#embeddings.has(key);
  }

  add(key: string, { segments }: ImageEmbeddings): void {
    if (!this.#images.has(key)) this.#images.set(key, this.#describe(key, segments));
    this.#touch(key);
    for (const oldest of this.#images.keys()) {
      if (this.#images.size <= this.#options.mostImages) break;
      this.#drop(oldest);
    }
    this.#forget(key);
    this.#embeddings.set(key, segments);
    this.#bytes += bytesOf(segments);
    for (const oldest of this.#embeddings.keys()) {
      if (this.#bytes <= this.#options.cacheBytes || oldest === key) break;
      this.#forget(oldest);
    }
  }

  /** Cells of the KV cache that the image takes: one for each embedding and each token of its text. @throws as `tokensOf` */
  cellsOf(key: string): number {
    return this.#known(key).parts.reduce((sum, part) => sum + ("key" in part ? part.rows : part.tokens.length), 0);
  }

  /** The same of a prompt's tokens. @throws as `placesOf` */
  cellsIn(tokens: readonly number[]): number {
    return tokens.reduce((sum, token) => {
      if (!isVirtualToken(token)) return sum + 1;
      const { places, index } = this.placesOf(token);
      return index === 0 ? sum + places.rows : sum;
    }, 0);
  }

  /** What stands in the image's place among a text's tokens. @throws INVALID_ARGUMENT for one that is not known */
  tokensOf(key: string): number[] {
    return this.#known(key).parts.flatMap((part) => ("key" in part ? virtualTokens(part) : [...part.tokens]));
  }

  /** The same as texts, which a prompt's own text may go on with, and runs of places. @throws as `tokensOf` */
  layoutOf(key: string): (string | number[])[] {
    return this.#known(key).parts.map((part) => ("key" in part ? virtualTokens(part) : part.text));
  }

  #known(key: string): KnownImage {
    const image = this.#images.get(key);
    if (image === undefined) {
      const received = `the place of an image that was not given to it, or was dropped for newer ones (${key})`;
      const mend = "Give each image of the chat history to `vision.image(...)` first.";
      throw expectedBut("INVALID_ARGUMENT", "images that this vision knows", "the text", received, mend);
    }
    this.#touch(key);
    return image;
  }

  /** The places that a token belongs to, and which of them it is. */
  placesOf(token: number): { places: EmbeddingPlaces; index: number } {
    const holds = ({ base, positions }: KnownImage) => placeOf(token, base) < positions;
    if (this.#last === undefined || !holds(this.#last)) this.#last = this.#images.values().find(holds);
    if (this.#last !== undefined) {
      const place = placeOf(token, this.#last.base);
      for (const part of this.#last.parts) {
        if ("key" in part && place >= part.first && place < part.first + part.positions) {
          return { places: part, index: place - part.first };
        }
      }
    }
    const received = "one of another context or of an earlier run";
    const mend = "Give each of its images to `vision.image(...)` first, or clear the sequence's history.";
    throw expectedBut("INVALID_ARGUMENT", "images that this vision knows", "the sequence", received, mend);
  }

  /** [rows, embeddingDim] @throws INVALID_ARGUMENT where they have been dropped for others */
  embeddingsOf({ key, segment }: EmbeddingPlaces): Float32Array {
    const found = this.#embeddings.get(key)?.[segment];
    if (found?.type === "embeddings") {
      this.#touch(key);
      return found.data;
    }
    const mend = "Give it to `vision.image(...)` again, or raise the option cacheBytes of attachVision.";
    const received = "one that was dropped for newer ones";
    throw expectedBut("INVALID_ARGUMENT", "an image whose embeddings are kept", "the context", received, mend);
  }

  #touch(key: string): void {
    moveToEnd(this.#images, key);
    moveToEnd(this.#embeddings, key);
  }

  #drop(key: string): void {
    this.#images.delete(key);
    this.#forget(key);
    if (this.#last?.key === key) this.#last = undefined;
  }

  #forget(key: string): void {
    const segments = this.#embeddings.get(key);
    if (segments === undefined) return;
    this.#embeddings.delete(key);
    this.#bytes -= bytesOf(segments);
  }

  #describe(key: string, segments: readonly ImageSegment[]): KnownImage {
    const positions = segments.reduce((sum, one) => sum + (one.type === "text" ? 0 : this.#positions(one)), 0);
    const base = this.#freeBase(key, positions);
    let first = 0;
    const parts = segments.map((segment, i): ImageText | EmbeddingPlaces => {
      if (segment.type === "text") return { text: segment.text, tokens: this.#options.tokenize(segment.text) };
      const { grid, times = [0], attention } = segment;
      const rows = times.length * grid.rows * grid.columns;
      const places = {
        key,
        base,
        first,
        positions: this.#positions(segment),
        segment: i,
        rows,
        grid,
        times,
        attention,
      };
      first += places.positions;
      return places;
    });
    return { key, base, positions, parts };
  }

  #positions({ grid, times = [0] }: Extract<ImageSegment, { type: "embeddings" }>): number {
    return this.#options.multiAxis ? gridLength({ grid, times }) : times.length * grid.rows * grid.columns;
  }

  /** Follows from the key, so that a saved sequence fits the same image again. Moved where another image lies there. */
  #freeBase(key: string, positions: number): number {
    for (let attempt = 0; ; attempt++) {
      const digest = createHash("sha256").update(`${key}\n${attempt}`).digest();
      const base = digest.readUInt32BE() % VIRTUAL_TOKENS;
      const overlaps = (other: KnownImage) =>
        (other.base - base + VIRTUAL_TOKENS) % VIRTUAL_TOKENS < positions ||
        (base - other.base + VIRTUAL_TOKENS) % VIRTUAL_TOKENS < other.positions;
      if (![...this.#images.values()].some(overlaps)) return base;
    }
  }
}

const virtualTokens = ({ base, first, positions }: EmbeddingPlaces): number[] =>
  Array.from({ length: positions }, (_, i) => virtualToken(base, first + i));

function moveToEnd<V>(map: Map<string, V>, key: string): void {
  const value = map.get(key);
  if (value === undefined) return;
  map.delete(key);
  map.set(key, value);
}

const bytesOf = (segments: readonly ImageSegment[]): number =>
  segments.reduce((sum, segment) => sum + (segment.type === "embeddings" ? segment.data.byteLength : 0), 0);
