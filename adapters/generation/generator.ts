import type { TokenIds } from "../../sdk/index.ts";
import { expected, expectedBut, Gate } from "../../sdk/kit.ts";
import { returnOf } from "../async-generators.ts";
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

  async *generate(prompt: string, options: GenerateOptions = {}): AsyncGenerator<GenerationEvent, GeneratedImage[]> {
    this.#assertUsable();
    if (typeof prompt !== "string") throw expected("INVALID_ARGUMENT", "a text", "the prompt", prompt);
    const request = parseGenerateOptions(options, this.info);
    const { seeds, signal } = request;
    const kept = await keptIds(request, this.info, this.#parts.tokenizer);
    const leave = await this.#gate.enter(signal);
    try {
      const images: GeneratedImage[] = [];
      const { imagesAtOnce } = this.#parts.source;
      for (let first = 0; first < seeds.length; first += imagesAtOnce) {
        const wave = { first, seeds: seeds.slice(first, first + imagesAtOnce) };
        images.push(...(yield* this.#wave(prompt, request, kept, wave)));
      }
      return images;
    } finally {
      leave();
    }
  }

  async generateImages(prompt: string, options: GenerateOptions = {}): Promise<GeneratedImage[]> {
    return returnOf(this.generate(prompt, { ...options, previewRows: options.previewRows ?? 0 }));
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
    prompt: string,
    { seeds: all, sampling, previewRows, signal }: GenerateRequest,
    kept: Int32Array,
    { first, seeds }: { readonly first: number; readonly seeds: readonly number[] },
  ): AsyncGenerator<GenerationEvent, GeneratedImage[]> {
    const { source, tokenizer } = this.#parts;
    const { columns } = this.info.grid;
    const places = freePlaces(kept);
    const made = seeds.map((seed) => ({ seed, ids: kept.slice() }));
    const decode = (ids: readonly TokenIds[]) => tokenizer.decode(ids, signal ? { signal } : {});

    const begin = Math.floor(places[0]! / columns);
    let [drawn, rows] = [0, begin];
    for await (const next of source.ids({ prompt, seeds, kept, sampling, signal })) {
      for (const [i, id] of next.entries()) made[i]?.ids.set([id], places[drawn]);
      drawn++;
      yield {
        type: "progress",
        done: first * places.length + seeds.length * drawn,
        total: all.length * places.length,
      };
      this.#assertUsable();
      const missing = places[drawn];
      if (missing === undefined || previewRows === 0) continue;
      const before = rows;
      rows = Math.floor(missing / columns);
      if (Math.floor((rows - begin) / previewRows) > Math.floor((before - begin) / previewRows)) {
        const previews = await decode(made.map(({ ids }) => fillMissing(ids, kept, missing, columns)));
        for (const [i, image] of previews.entries()) yield { type: "preview", index: first + i, rows, image };
      }
    }
    const decoded = await decode(made.map(({ ids }) => ids));
    const images = decoded.map((image, i) => ({ index: first + i, image, ...made[i]! }));
    for (const image of images) yield { type: "image", ...image };
    return images;
  }

  #assertUsable(): void {
    if (!this.#disposed) return;
    throw expectedBut("DISPOSED", "a generator that is in use", "this call", "one after dispose()");
  }
}

/** Where ids are drawn, in their order: at least one. */
const freePlaces = (kept: Int32Array): number[] => [...kept.keys()].filter((at) => kept[at] === FREE);
