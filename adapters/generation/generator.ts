import type { DecodeProgress, RgbImage } from "../../sdk/index.ts";
import { expectedBut, Gate } from "../../sdk/kit.ts";
import { pushed, returnOf } from "../async-generators.ts";
import { CallState, Drawing, likeliest } from "./call-state.ts";
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
    const { drawings, bestOf, signal } = request;
    const kept = await keptIds(request, this.info, this.#parts.tokenizer);
    const leave = await this.#gate.enter(signal);
    try {
      const call = new CallState(drawings.length / bestOf, bestOf, freePlaces(kept).length);
      const images: GeneratedImage[] = [];
      const { imagesAtOnce } = this.#parts.source;
      for (let first = 0; first < drawings.length; first += imagesAtOnce) {
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

  /** The drawings that are made together, from drawing `first` of the call on. @returns images whose last drawing is among them */
  async *#wave(
    { drawings: all, bestOf, sampling, previewRows, signal }: GenerateRequest,
    kept: Int32Array,
    first: number,
    call: CallState,
  ): AsyncGenerator<GenerationEvent, GeneratedImage[]> {
    const { source } = this.#parts;
    const { columns } = this.info.grid;
    const places = freePlaces(kept);
    const images = all.slice(first, first + source.imagesAtOnce);
    // Those that stay, by their numbers in the request.
    const made = new Map(images.map((one, i) => [i, new Drawing(Math.floor((first + i) / bestOf), one, kept)]));
    const begin = Math.floor(places[0]! / columns);
    let [drawn, rows] = [0, begin];
    for await (const step of source.ids({ images, kept, sampling, scored: bestOf > 1, signal })) {
      for (const one of step) {
        const drawing = made.get(one.image);
        if (drawing === undefined) continue;
        if ("id" in one) {
          call.draw(drawing, places[drawn]!, one);
          continue;
        }
        made.delete(one.image);
        const { index, seed } = drawing;
        if (call.lose(drawing, one.error)) yield { type: "failed", index, seed, error: one.error };
      }
      if (!step.some((one) => "id" in one)) continue;
      drawn++;
      yield { type: "progress", ...call.progress };
      this.#assertUsable();
      const missing = places[drawn];
      if (missing === undefined || previewRows === 0) continue;
      const before = rows;
      rows = Math.floor(missing / columns);
      if (Math.floor((rows - begin) / previewRows) > Math.floor((before - begin) / previewRows)) {
        const shown = likeliest(made.values()).map(({ index, seed, signal, ids }) => {
          return { index, seed, signal, ids: fillMissing(ids, kept, missing, columns) };
        });
        const previews = await returnOf(this.#decode(shown, signal));
        for (const [i, image] of previews.entries()) {
          if (image) yield { type: "preview", index: shown[i]!.index, rows, image };
        }
      }
    }
    const whole = call.finish(made.values());
    if (whole.length === 0) return [];
    const result: GeneratedImage[] = [];
    for (const [i, image] of (yield* this.#decode(whole, signal)).entries()) {
      const { index, seed, ids, signal: own } = whole[i]!;
      if (image) {
        result.push({ index, seed, ids, image });
        yield { type: "image", index, seed, ids, image };
      } else {
        yield { type: "failed", index, seed, error: own?.reason };
      }
    }
    return result;
  }

  /** The pixels of images of the call. Drawn pixels follow from each image's own seed; null where its own signal stops them. */
  async *#decode(
    made: readonly Pick<Drawing, "index" | "seed" | "signal" | "ids">[],
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
    for (const { index, ids, seed, signal: own } of made) {
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

/** Where ids are drawn, in their order: at least one. */
const freePlaces = (kept: Int32Array): number[] => [...kept.keys()].filter((at) => kept[at] === FREE);
