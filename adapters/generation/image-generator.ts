import type { ImageInput, RgbImage, TokenGrid, TokenIds } from "../../sdk/index.ts";
import type { OwnWords } from "../own-words.ts";
import type { PresetName } from "./sampling/presets.ts";
import type { GuidanceSchedule, Sampling } from "./sampling/sampling.ts";

/**
 * Makes pictures from words. A language model with visual tokens predicts the ids of an image, one after the other, and
 * a vision tokenizer turns them into pixels. `loadGenerator` makes it.
 */
export interface ImageGenerator extends AsyncDisposable {
  /** The version of this contract. */
  readonly specificationVersion: "v1";
  readonly info: ImageGeneratorInfo;

  /**
   * Generates images, event by event. The generator returns the images that were made, in order. Leaving the loop ends
   * the work. Calls at the same time wait for each other. Where an image fails ("failed"), the others go on; if none is
   * left, the generator throws what the first one failed with.
   *
   * @param prompt a list has `n` images for each of its texts, text after text
   * @throws INVALID_ARGUMENT for a wrong option, or ids that are no codes; CONTEXT_OVERFLOW for a prompt that the
   *   context has no room for; UNSUPPORTED for what the source or the tokenizer cannot do, such as guidance through
   *   llama-server; RUNTIME where llama.cpp fails, or where no image has logits that are numbers; DISPOSED; the
   *   signal's reason after an abort
   */
  generate(
    prompt: string | readonly string[],
    options?: GenerateOptions,
  ): AsyncGenerator<GenerationEvent, GeneratedImage[]>;

  /**
   * The images alone, without those that their own signal stopped. It makes previews only where the options ask for them.
   * @throws as `generate`, and what the first image that fails fails with
   */
  generateImages(prompt: string | readonly string[], options?: GenerateOptions): Promise<GeneratedImage[]>;

  dispose(): Promise<void>;
}

export interface ImageGeneratorInfo extends OwnWords {
  /** Names the language model: the name of its file, or of its folder where the file is called "llm" or "model". */
  readonly modelId: string;
  /** The tokenizer's `info.modelId`. */
  readonly tokenizerId: string;
  /** Of an image, in pixels. */
  readonly outputSize: { readonly width: number; readonly height: number };
  /** Ids of an image: rows * columns. */
  readonly grid: TokenGrid;
  readonly codebookSize: number;
  /** How the model samples by default, from its metadata. */
  readonly sampling: Sampling;
  /** Images that are generated together. More of them take turns. */
  readonly imagesAtOnce: number;
  /** Whether it can follow `guidanceScale`: llama-server cannot. */
  readonly guidance: boolean;
  /** Whether it can follow `bestOf`: llama-server cannot. */
  readonly likelihoods: boolean;
  /** Steps in which the tokenizer draws an image's pixels (`DecoderInfo.sampling`); left out where it computes them at once. */
  readonly decodeSteps?: number;
}

export interface GenerateOptions {
  /** Images to make of each prompt (default 1); a call has at most 1,000. */
  readonly n?: number;
  /**
   * Draw each image so often and keep the likeliest (default 1): the one whose ids have the highest probability under the
   * prompt, at temperature 1 and without guidance. A call draws at most 1,000 times. Events tell of images, not of drawings.
   */
  readonly bestOf?: number;
  /**
   * 0 to 2^32 - 1 (default: a random one). Image i of a call draws with `seed + i`, and with `bestOf` b from
   * `seed + i * b` on. Each image says which one made it. The
   * same seed and options give the same ids on the same machine, whatever is drawn before or beside, but for a generator
   * that was loaded with `batch: "always"`.
   */
  readonly seed?: number;
  /** Another source's way to sample, in place of the model's defaults. The options below change parts of it. */
  readonly preset?: PresetName;
  /** u + scale * (c - u), of logits with the prompt (c) and without (u). 1 switches guidance off. */
  readonly guidanceScale?: number;
  readonly guidanceSchedule?: GuidanceSchedule;
  /** 0 always takes the likeliest id. */
  readonly temperature?: number;
  /** Only the k likeliest ids; 0 is all. */
  readonly topK?: number;
  /** Only the likeliest ids that have this share of the probability together; 1 is all. */
  readonly topP?: number;
  /** Keep the first `rows` of an image and generate the others. */
  readonly continueImage?: ImageStart;
  /**
   * Keep the ids of an image but for those that are drawn anew, which follow all ids before them. Not together with
   * `continueImage`.
   */
  readonly editImage?: ImageEdit;
  /**
   * A preview after every so many rows from the first that is drawn; 0 is none. Default: a quarter of the rows for `generate`, none for
   * `generateImages` and where pixels are drawn in steps (`info.decodeSteps`). In a preview the missing rows repeat the last row that is there; what is kept of an image is in it.
   */
  readonly previewRows?: number;
  /** Acts between tokens. The token that is being decoded is finished, and the generator stays usable. */
  readonly signal?: AbortSignal;
  /** One for each image, which stops that image alone, between its tokens, or where its pixels are drawn. The others go on and are the same. */
  readonly imageSignals?: readonly (AbortSignal | undefined)[];
}

/** An image to go on from, or its ids in raster order, and how many of its rows to keep. */
export type ImageStart =
  | { readonly image: ImageInput; readonly rows: number }
  | { readonly ids: TokenIds; readonly rows: number };

/**
 * An image, or its ids in raster order, all of them, and what of it is drawn anew: each token with a pixel that is not
 * fully opaque in `mask`, an image of the same size; or each that `redraw`, [rows * columns], says. Without either the
 * image's own transparency counts, and where it has none, all of it is drawn anew.
 */
export type ImageEdit =
  | { readonly image: ImageInput; readonly mask?: ImageInput }
  | { readonly image: ImageInput; readonly redraw: readonly boolean[] }
  | { readonly ids: TokenIds; readonly redraw: readonly boolean[] };

export type GenerationEvent =
  /** After each token: how many ids have been drawn and how many will be, over all images of the call and their drawings. */
  | {
      readonly type: "progress";
      readonly done: number;
      readonly total: number;
      /** `done` of each image of the call. */
      readonly images: readonly number[];
    }
  /** The first `rows` rows of image `index`, and below them a guess. With `bestOf` they are those of the likeliest drawing so far. */
  | { readonly type: "preview"; readonly index: number; readonly rows: number; readonly image: RgbImage }
  /** Where pixels are drawn in steps (`info.decodeSteps`): how far those of image `index` are. */
  | { readonly type: "decoding"; readonly index: number; readonly done: number; readonly total: number }
  | ({ readonly type: "image" } & GeneratedImage)
  /** Image `index` will not come: its own signal's reason, or RUNTIME for logits that are not numbers. */
  | { readonly type: "failed"; readonly index: number; readonly seed: number; readonly error: unknown };

export interface GeneratedImage {
  /** Its place among the call's images. */
  readonly index: number;
  readonly image: RgbImage;
  /** [rows * columns] codebook indices in raster order. */
  readonly ids: Int32Array;
  /** Generates this image alone, with n = 1 and bestOf = 1; its pixels too, where they are drawn. */
  readonly seed: number;
}
