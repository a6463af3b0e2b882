import type { DecodeProgress, RgbImage } from "../../sdk/index.ts";
import { expectedBut, Gate } from "../../sdk/kit.ts";
import { pushed, returnOf } from "../async-generators.ts";
import { type GenerateRequest, parseGenerateOptions } from "./generate-options.ts";
import type {
  GeneratedImage,
  GenerateOptions,
  GenerationEvent,
  ImageGenerator,
  ImageGeneratorInfo,
} from "./image-generator.ts";
import { FREE, keptIds } from "./kept-ids.ts";
import type { GeneratorTokenizer } from "./load-options.ts";
import { fillMissing } from "./preview.ts";
import type { IdSource } from "./sources/id-source.ts";

/** The parts of a generator, which it disposes. */
export interface GeneratorParts {
  readonly info: ImageGeneratorInfo;
  readonly source: IdSource;
  readonly tokenizer: GeneratorTokenizer;
  /** Whether the tokenizer is disposed too. */
  readonly ownsTokenizer: boolean;
}

/** Ids of a source, decoded by a tokenizer. */
export class TokenImageGenerator implements ImageGenerator {
  readonly specificationVersion = "v1";
  readonly info: ImageGeneratorInfo;
  readonly #parts: GeneratorParts;
  /** Calls take turns. */
  readonly #gate = new Gate(1);
  #disposed = false;

  constructor(parts: GeneratorParts) {
    this.info = parts.info;
    this.#parts = parts;
  }

  async *generate(
    prompt: string | readonly string[],
    options: GenerateOptions = {},
  ): AsyncGenerator<GenerationEvent, GeneratedImage[]> {
    this.#assertUsable();
    const request = parseGenerateOptions(prompt, options, this.info);
    const { images: requests, signal } = request;
    const kept = await keptIds(request, this.info, this.#parts.tokenizer);
    const leave = await this.#gate.enter(signal);
    try {
      const call = new Progress(requests.length, freePlaces(kept).length);
      const images: GeneratedImage[] = [];
      const { imagesAtOnce } = this.#parts.source;
      for (let first = 0; first < requests.length; first += imagesAtOnce) {
        images.push(...(yield* this.#wave(request, kept, first, call)));
      }
      if (images.length === 0 && call.failures.length > 0) throw call.failures[0];
      return images;
    } finally {
      leave();
    }
  }

  async generateImages(prompt: string | readonly string[], options: GenerateOptions = {}): Promise<GeneratedImage[]> {
    const images: GeneratedImage[] = [];
    for await (const event of this.generate(prompt, { ...options, previewRows: options.previewRows ?? 0 })) {
      if (event.type === "failed" && !options.imageSignals?.[event.index]?.aborted) throw event.error;
      if (event.type !== "image") continue;
      const { type, ...image } = event;
      images.push(image);
    }
    return images;
  }

  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    const { source, tokenizer, ownsTokenizer } = this.#parts;
    await source.dispose();
    if (ownsTokenizer) await tokenizer[Symbol.asyncDispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  /** The images that are generated together, from image `first` of the call on. */
  async *#wave(
    { images: all, sampling, previewRows, signal }: GenerateRequest,
    kept: Int32Array,
    first: number,
    call: Progress,
  ): AsyncGenerator<GenerationEvent, GeneratedImage[]> {
    const { source } = this.#parts;
    const { columns } = this.info.grid;
    const places = freePlaces(kept);
    const images = all.slice(first, first + source.imagesAtOnce);
    // Those that stay, by their numbers in the call.
    const made = new Map(images.map(({ seed }, i) => [first + i, { seed, ids: kept.slice() }]));
    const begin = Math.floor(places[0]! / columns);
    let [drawn, rows] = [0, begin];
    for await (const step of source.ids({ images, kept, sampling, signal })) {
      for (const one of step) {
        const index = first + one.image;
        const image = made.get(index);
        if (image === undefined) continue;
        if ("id" in one) {
          image.ids.set([one.id], places[drawn]);
          call.draw(index);
          continue;
        }
        made.delete(index);
        call.fail(index, all[index]?.signal?.aborted ? [] : [one.error]);
        yield { type: "failed", index, seed: image.seed, error: one.error };
      }
      if (!step.some((one) => "id" in one)) continue;
      drawn++;
      yield { type: "progress", ...call.state };
      this.#assertUsable();
      const missing = places[drawn];
      if (missing === undefined || previewRows === 0) continue;
      const before = rows;
      rows = Math.floor(missing / columns);
      if (Math.floor((rows - begin) / previewRows) > Math.floor((before - begin) / previewRows)) {
        const shown = [...made].map(([index, image]) => {
          return { ...image, index, ids: fillMissing(image.ids, kept, missing, columns) };
        });
        const previews = await returnOf(this.#decode(shown, all, signal));
        for (const [i, image] of previews.entries()) {
          if (image) yield { type: "preview", index: shown[i]!.index, rows, image };
        }
      }
    }
    if (made.size === 0) return [];
    const whole = [...made].map(([index, image]) => ({ ...image, index }));
    const result: GeneratedImage[] = [];
    for (const [i, image] of (yield* this.#decode(whole, all, signal)).entries()) {
      const one = whole[i]!;
      if (image) {
        result.push({ ...one, image });
        yield { type: "image", ...one, image };
      } else {
        call.fail(one.index, []);
        yield { type: "failed", index: one.index, seed: one.seed, error: all[one.index]?.signal?.reason };
      }
    }
    return result;
  }

  /** The pixels of images of the call. Drawn pixels follow from each image's own seed; null where its own signal stops them. */
  async *#decode(
    made: readonly { readonly index: number; readonly ids: Int32Array; readonly seed: number }[],
    all: GenerateRequest["images"],
    signal: AbortSignal | undefined,
  ): AsyncGenerator<GenerationEvent, (RgbImage | null)[]> {
    const { tokenizer } = this.#parts;
    if (this.info.decodeSteps === undefined) {
      return tokenizer.decode(
        made.map(({ ids }) => ids),
        signal ? { signal } : {},
      );
    }
    const images: (RgbImage | null)[] = [];
    for (const { index, ids, seed } of made) {
      const own = all[index]?.signal;
      try {
        images.push(
          yield* pushed<GenerationEvent, RgbImage>(
            (push, signal) => {
              const onProgress = (steps: DecodeProgress) => push({ type: "decoding", index, ...steps });
              return tokenizer.decode(ids, { seed, signal, onProgress });
            },
            own,
            signal,
          ),
        );
      } catch (error) {
        if (!own?.aborted || signal?.aborted) throw error;
        images.push(null);
      }
    }
    return images;
  }

  #assertUsable(): void {
    if (!this.#disposed) return;
    throw expectedBut("DISPOSED", "a generator that is in use", "this call", "one after dispose()");
  }
}

/** How far the images of a call are. */
class Progress {
  /** Of images that nobody stopped. */
  readonly failures: unknown[] = [];
  readonly #drawn: number[];
  readonly #left = new Set<number>();
  readonly #each: number;

  /** @param each ids that are drawn of an image */
  constructor(images: number, each: number) {
    this.#drawn = Array.from({ length: images }, () => 0);
    this.#each = each;
  }

  draw(index: number): void {
    this.#drawn[index]!++;
  }

  fail(index: number, failures: readonly unknown[]): void {
    this.#left.add(index);
    this.failures.push(...failures);
  }

  /** What an image that left has not drawn is not awaited any more. */
  get state() {
    const awaited = this.#drawn.map((drawn, index) => (this.#left.has(index) ? drawn : this.#each));
    const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0);
    return { done: sum(this.#drawn), total: sum(awaited), images: [...this.#drawn] };
  }
}

/** Where ids are drawn, in their order: at least one. */
const freePlaces = (kept: Int32Array): number[] => [...kept.keys()].filter((at) => kept[at] === FREE);
