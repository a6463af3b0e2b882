import type { Decoder, Encoder, LoadOptions, LoadProgress, VQRAE } from "../../sdk/index.ts";
import type { ConvertProgress, LanguageModelOptions } from "../llama-cpp/index.ts";

/**
 * What turns ids into pixels. One that encodes too can go on from an image (`GenerateOptions.continueImage`), and one that
 * says what of an image it sees can draw a part of it anew (`editImage`). A Janus' has the layers between its ids and its
 * language model (`idHead`).
 */
export type GeneratorTokenizer = Decoder &
  Partial<Pick<Encoder, "encode">> &
  Partial<Pick<VQRAE, "seenRegion" | "idHead">>;

/** The parts of an image generator. */
export interface GeneratorSource {
  /**
   * The language model's GGUF file, with visual tokens (`expandVocabulary`, or Tar's) or a Janus', or "default" for the small one that
   * ships. Of a checkpoint's folder the language model is converted once, into `cacheDir`.
   */
  readonly llm: string | "default";
  /**
   * The tokenizer whose ids it was trained on: a checkpoint's folder or file, "default", or one that you have loaded. You dispose
   * that one yourself.
   */
  readonly tokenizer: string | "default" | GeneratorTokenizer;
  /**
   * The address of a llama-server that serves `llm`, in place of llama.cpp in this process. It has no guidance, and serves no
   * Janus.
   */
  readonly server?: string | URL;
}

export interface LoadGeneratorOptions
  extends Pick<LoadOptions, "device" | "cacheDir">,
    Pick<LanguageModelOptions, "gpu" | "threads"> {
  /**
   * Images that are generated together, at most 128; more of them take turns. Each takes two of the context's sequences of
   * `contextSize` tokens, with and without the prompt, whose memory is taken at once. Default: 8, or as many as have their
   * keys and values in 2 GiB.
   */
  readonly imagesAtOnce?: number;
  /**
   * How images that are generated together share the work. A step of all of them is one batch of the language model, and
   * many devices round sums otherwise in batches of another size: a draw that was close may then fall the other way.
   * - "exact" (default): an image's ids are those that it has alone. Three steps of each size are computed both ways.
   *   Where their numbers are not equal to the bit, such steps are computed image by image, in about the time of one after
   *   the other. The prompt is decoded once in any case. A model of experts draws one image after the other.
   * - "always": always one batch. The same seed may give other ids with another `n` or `imagesAtOnce`.
   */
  readonly batch?: "exact" | "always";
  /**
   * Tokens of each sequence: a prompt and an image (default: an image and 512 more, at most what the model knows).
   */
  readonly contextSize?: number;
  /** For a server that was started with `--api-key`. */
  readonly apiKey?: string;
  readonly onProgress?: (phase: "tokenizer" | "llm" | "context") => void;
  /** Called as a tokenizer loads that you name: `onProgress` of `VQRAE.load`. */
  readonly onLoad?: (progress: LoadProgress) => void;
  /** Called before a checkpoint's language model is made a GGUF file in `cacheDir`, and after each of its tensors. */
  readonly onConvert?: (progress: ConvertProgress) => void;
  readonly signal?: AbortSignal;
}
