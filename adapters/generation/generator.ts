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
import type { GeneratorTokenizer } from "./load-options.ts";
import { fillRows } from "./preview.ts";
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
    const start = await this.#start(request);
    const leave = await this.#gate.enter(signal);
    try {
      const images: GeneratedImage[] = [];
      const { imagesAtOnce } = this.#parts.source;
      for (let first = 0; first < seeds.length; first += imagesAtOnce) {
        const wave = { first, seeds: seeds.slice(first, first + imagesAtOnce) };
        images.push(...(yield* this.#wave(prompt, request, start, wave)));
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
    start: Int32Array,
    { first, seeds }: { readonly first: number; readonly seeds: readonly number[] },
  ): AsyncGenerator<GenerationEvent, GeneratedImage[]> {
    const { source, tokenizer } = this.#parts;
    const { rows, columns } = this.info.grid;
    const each = rows * columns - start.length;
    const made = seeds.map((seed) => {
      const ids = new Int32Array(rows * columns);
      ids.set(start);
      return { seed, ids };
    });
    const decode = (ids: readonly TokenIds[]) => tokenizer.decode(ids, signal ? { signal } : {});

    let at = start.length;
    for await (const next of source.ids({ prompt, seeds, start, sampling, signal })) {
      for (const [i, id] of next.entries()) made[i]?.ids.set([id], at);
      at++;
      yield {
        type: "progress",
        done: first * each + seeds.length * (at - start.length),
        total: all.length * each,
      };
      this.#assertUsable();
      const row = at / columns;
      if (previewRows > 0 && row % previewRows === 0 && row < rows) {
        const previews = await decode(made.map(({ ids }) => fillRows(ids, row, columns)));
        for (const [i, image] of previews.entries()) yield { type: "preview", index: first + i, rows: row, image };
      }
    }
    const decoded = await decode(made.map(({ ids }) => ids));
    const images = decoded.map((image, i) => ({ index: first + i, image, ...made[i]! }));
    for (const image of images) yield { type: "image", ...image };
    return images;
  }

  /** The ids that each image begins with. */
  async #start({ continueImage, signal }: GenerateRequest): Promise<Int32Array> {
    if (continueImage === undefined) return new Int32Array(0);
    const { grid, codebookSize } = this.info;
    const kept = continueImage.rows * grid.columns;
    if ("image" in continueImage) {
      const { tokenizer } = this.#parts;
      if (tokenizer.encode === undefined) {
        const received = `${tokenizer.info.modelId}, which decodes only`;
        throw expectedBut("UNSUPPORTED", "a tokenizer that encodes", "continueImage with an image", received);
      }
      const options = { features: false, ids: true, ...(signal && { signal }) } as const;
      const { ids } = await tokenizer.encode(continueImage.image, options);
      return ids.slice(0, kept);
    }
    const { ids } = continueImage;
    if (!Array.isArray(ids) && !(ids instanceof Int32Array)) {
      throw expected("INVALID_ARGUMENT", "an Int32Array or an array of integers", "the ids of continueImage", ids);
    }
    if (ids.length < kept) {
      const received = `${ids.length}`;
      throw expectedBut("INVALID_ARGUMENT", `at least ${kept} ids`, "the ids of continueImage", received);
    }
    const own = ids.slice(0, kept);
    const bad = own.findIndex((id) => !Number.isInteger(id) || id < 0 || id >= codebookSize);
    if (bad < 0) return Int32Array.from(own);
    const what = `a whole number from 0 to ${codebookSize - 1}`;
    throw expected("INVALID_ARGUMENT", what, `id ${bad} of continueImage`, own[bad]);
  }

  #assertUsable(): void {
    if (!this.#disposed) return;
    throw expectedBut("DISPOSED", "a generator that is in use", "this call", "one after dispose()");
  }
}
