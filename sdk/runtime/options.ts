import * as z from "zod";
import type { ClassifyOptions } from "../contract/classifier.ts";
import type { DecodeOptions } from "../contract/decoder.ts";
import type { EmbedOptions } from "../contract/embedder.ts";
import type { EncodeOptions } from "../contract/encoder.ts";
import type { DecodeFeaturesOptions } from "../contract/feature-decoder.ts";
import type { Projector } from "../contract/projector.ts";
import type { Family } from "../families/family.ts";
import type { VideoSettings } from "../families/image/video-settings.ts";
import { isObject } from "../files/read-file.ts";
import { option, parseOptions } from "../options.ts";
import { drawOptions, MAX_GUIDANCE_SCALE } from "../sampling/draw-rule.ts";
import type { Decoding, Precision } from "./pool/protocol.ts";

/** How `VQRAE.load` sets the tokenizer up. */
export interface LoadOptions {
  /**
   * Where graphs run. "auto" (the default) takes CUDA, else WebGPU, where it works, gives the CPU's numbers and is faster;
   * else the CPU. `info.deviceReason` and `probeDevices` say why. The others throw MISSING_DEPENDENCY where they cannot be used.
   */
  readonly device?: "auto" | "cpu" | "webgpu" | "cuda";
  /**
   * The arithmetic of the encoder (docs/precision.md). "fp32" (the default) gives the reference's numbers; weights of 16 bits
   * are widened to float32, the same numbers. "int8" is two to three times as fast, a little less exact, and
   * for the CPU only; its weights are made on the first load and kept in `cacheDir`. Quantizer and decoder are fp32.
   */
  readonly precision?: Precision;
  /**
   * Whether onnxruntime copies weights into the form that its kernels like best. true: all of them. Runs are a few percent
   * faster, but loading is slower and every worker has the weights in memory of its own instead of one copy in the page
   * cache for all. false: none. If you leave it out: the weights of convolutions of fewer than 2^19 numbers alone, which see the most
   * pixels (docs/precision.md). Numbers differ by rounding alone (3e-6 on features of unit size).
   */
  readonly prepack?: boolean;
  /**
   * The folder for weights that are made: those of `precision: "int8"`, the floats of a quantized mmproj, and the float32 form of
   * 16-bit weights that take 64 MiB or more as such (default: `vqrae` in the platform's folder of caches). `false` keeps none:
   * 16-bit weights are widened into memory at each load, and what needs a file is INVALID_ARGUMENT.
   */
  readonly cacheDir?: string | false;
  /**
   * Worker threads, each with sessions of its own (default 1). More of them raise throughput, not the speed of one image.
   * On WebGPU there is one, whatever this says.
   */
  readonly workers?: number;
  /** Threads per worker that one graph run uses (default: the machine's parallelism divided by `workers`). */
  readonly threads?: number;
  /**
   * Most images that a worker is handed at once (default 8, fewer for encoders with many tokens); in fp32 they share a
   * graph run. Results do not depend on it.
   */
  readonly batchSize?: number;
  /** Most pixels that one image may have before it is refused as IMAGE_TOO_LARGE (default 100 megapixels). */
  readonly maxPixels?: number;
  /**
   * "exact" (the default) decodes every pixel of a photo and gives the reference's numbers. "scaled" lets libjpeg decode a large
   * JPEG to a half, a quarter or an eighth of its sides, to no less than twice of what the encoder is given, which is faster and
   * changes features a little (docs/speed.md says by how much). Padded images, tiles of other rules than InternVL's, videos, other
   * formats and CMYK are decoded whole all the same.
   */
  readonly decoding?: Decoding;
  /**
   * Most tokens of the language model that an image becomes, where each keeps its aspect ratio (Qwen-VL, Pixtral): larger ones
   * are shrunk, as llama-server's `--image-max-tokens` does. By default the processor's file says it: 16,384 for Qwen-VL.
   */
  readonly maxImageTokens?: number;
  /**
   * How videos are prepared, for `embedVideo`. By default the processor's file says it. An mmproj file does not: it takes what
   * transformers' class of the processor has (100,352 to 602,112 pixels of a frame of Qwen2-VL and Qwen2.5-VL, 131,072 to 786,432
   * of a whole video of Qwen3-VL), and 2 positions a second for Qwen2.5-VL, as its published models have.
   */
  readonly video?: VideoSettings;
  /**
   * Which hidden state `features` are, in place of the checkpoint's own: the residual stream after block `layer`
   * (1-based; -1 is the last, -2 what LLaVA 1.5 takes of CLIP), through the encoder's final norm where `postNorm` says so.
   */
  readonly features?: { readonly layer?: number; readonly postNorm?: boolean };
  /** What `embed` puts behind the encoder: `loadProjector` reads one. It runs in fp32. */
  readonly projector?: Projector;
  /** Families of models besides those that are known, which go before them: `defineFamily` of `vqrae/kit` makes one. */
  readonly families?: readonly Family[];
  /**
   * Open every session and run one grey image through encode and decode in every worker, so that the first call takes no
   * longer than the next (default false: sessions open when they are first needed).
   */
  readonly warmup?: boolean;
  /** Read all weights and refuse NaN and infinity as INVALID_CHECKPOINT (default false: outputs are checked instead). */
  readonly checkWeights?: boolean;
  /** Called as loading goes on. */
  readonly onProgress?: (progress: LoadProgress) => void;
  /** Acts between the phases of loading, and between tensors that are brought to 8 bits. */
  readonly signal?: AbortSignal;
}

export interface LoadProgress {
  /**
   * Reading and checking the files; reading all weights with `checkWeights`; of a quantized mmproj bringing the weights to floats,
   * once; widening 16-bit weights, once; with "int8" making its weights; choosing the device; writing the graphs, opening the first
   * session and, with `warmup`, warming up the workers.
   */
  readonly phase:
    | "checkpoint"
    | "weights"
    | "dequantize"
    | "widen"
    | "quantize"
    | "device"
    | "graphs"
    | "session"
    | "warmup";
  /** Steps of this phase that are done, and how many there are; bytes of "weights". */
  readonly loaded: number;
  readonly total: number;
  /**
   * At the end of "device": which one it is and why. Of "dequantize", "widen" and "quantize" the folder that keeps what is being
   * made; left out where it was found there.
   */
  readonly detail?: string;
}

/** More threads than any one machine serves well; a larger number is a slip of the pen. */
const MAX_THREADS = 256;
/** Activations grow with the batch; past this nothing gets faster. */
const MAX_BATCH = 256;

const loadSchema = z.strictObject({
  device: option.oneOf("auto", "cpu", "webgpu", "cuda"),
  precision: option.oneOf("fp32", "int8"),
  prepack: option.flag,
  cacheDir: option.custom<string | false>(
    "a folder, or false",
    (value) => value === false || (typeof value === "string" && value !== ""),
  ),
  workers: option.integer(1, MAX_THREADS),
  threads: option.integer(1, MAX_THREADS),
  batchSize: option.integer(1, MAX_BATCH),
  maxPixels: option.integer(1),
  decoding: option.oneOf("exact", "scaled"),
  maxImageTokens: option.integer(1),
  video: option.object("an object with minPixels, maxPixels and tokensPerSecond, whole numbers from 1", {
    minPixels: z.int().min(1).optional(),
    maxPixels: z.int().min(1).optional(),
    tokensPerSecond: z.int().min(1).optional(),
  }),
  features: option.object("an object with layer (a whole number) and postNorm (true or false)", {
    layer: z.int().optional(),
    postNorm: z.boolean().optional(),
  }),
  projector: option.custom<Projector>(
    "what loadProjector returns",
    (value) => isObject(value) && value.specificationVersion === "v1" && Array.isArray(value.ops),
  ),
  families: option.custom<readonly Family[]>(
    "a list of what defineFamily returns",
    (value) => Array.isArray(value) && value.every((one) => isObject(one) && isObject(one.modelTypes) && "read" in one),
  ),
  warmup: option.flag,
  checkWeights: option.flag,
  onProgress: option.callback<(progress: LoadProgress) => void>(),
  signal: option.signal,
});
const encodeSchema = z.strictObject({ features: option.flag, ids: option.flag, signal: option.signal });
const signalSchema = z.strictObject({ signal: option.signal });
const classifySchema = z.strictObject({ count: option.integer(1), signal: option.signal });
const decodeSchema = z.strictObject({
  grid: option.object("{ rows, columns }, whole numbers from 1", { rows: z.int().min(1), columns: z.int().min(1) }),
  seed: option.integer(0, 2 ** 32 - 1),
  guidanceScale: option.number(
    `a number from 1 to ${MAX_GUIDANCE_SCALE}`,
    (value) => value >= 1 && value <= MAX_GUIDANCE_SCALE,
  ),
  ...drawOptions,
  onProgress: option.callback<NonNullable<DecodeOptions["onProgress"]>>(),
  signal: option.signal,
});

/** @throws INVALID_ARGUMENT that names the option */
export const parseLoadOptions = (options: LoadOptions | undefined) => parseOptions(loadSchema, options, "VQRAE.load");
export type ParsedLoadOptions = ReturnType<typeof parseLoadOptions>;
/** @throws INVALID_ARGUMENT that names the option */
export const parseEncodeOptions = (options: EncodeOptions | undefined) => parseOptions(encodeSchema, options, "encode");
/** @throws INVALID_ARGUMENT that names the option */
export const parseEmbedOptions = (options: EmbedOptions | undefined) => parseOptions(signalSchema, options, "embed");
/** @throws INVALID_ARGUMENT that names the option */
export const parseDecodeFeaturesOptions = (options: DecodeFeaturesOptions | undefined) =>
  parseOptions(signalSchema, options, "decodeFeatures");
/** @throws INVALID_ARGUMENT that names the option */
export const parseClassifyOptions = (options: ClassifyOptions | undefined) =>
  parseOptions(classifySchema, options, "classify");
/** @throws INVALID_ARGUMENT that names the option */
export const parseDecodeOptions = (options: DecodeOptions | undefined) => parseOptions(decodeSchema, options, "decode");
