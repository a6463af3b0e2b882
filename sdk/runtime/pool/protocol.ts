import type { ImageEmbeddings } from "../../contract/embedder.ts";
import type { ImageTokens } from "../../contract/encoder.ts";
import type { RgbImage } from "../../contract/image.ts";
import { VqraeError, type VqraeErrorCode } from "../../errors.ts";
import type { CodebookFacts, DrawingFacts, ProjectorSpec } from "../../families/model.ts";
import type { PreparedImage } from "../../image/prepare-views.ts";
import type { PortableImage } from "../../image/read/portable-image.ts";
import type { ViewPlan } from "../../image/view-plan.ts";
import type { DrawRule } from "../../sampling/draw-rule.ts";
import type { SearchGraph } from "../../search/graph-runner.ts";
import type { Codes } from "../../search/sign-codes.ts";

/** What passes between the pool and a worker thread. Everything here survives structured cloning. */

/** An ONNX graph whose weights lie, untouched, in a safetensors file of `weightsFolder`. */
export interface GraphSource {
  readonly bytes: Uint8Array;
  readonly weightsFolder: string;
  /** The files of its weights, and what each was when its header was read. */
  readonly identities: readonly (readonly [file: string, identity: string])[];
  /** Names of nodes that WebGPU leaves to the CPU. */
  readonly cpuNodes: readonly string[];
  /** Whether it runs on the CPU whatever the device. */
  readonly onCpu?: boolean;
  /** Whether its weights are copied for speed (`LoadOptions.prepack`) whatever the option says: it runs hundreds of times for one result. */
  readonly prepack?: boolean;
}

export type GraphName =
  | "encoder"
  | "projector"
  | "classifier"
  | "quantizer"
  | "codebook"
  | "decoder"
  | "drawer"
  | "feature_decoder"
  | "id_embedder"
  | "id_predictor"
  | SearchGraph;

/** Of the encoder; the other graphs are always "fp32". */
export type Precision = "fp32" | "int8";

export type GpuProvider = "webgpu" | "cuda";
export type ExecutionProvider = "cpu" | GpuProvider;

/** What an encoder's graph takes, and the side in pixels of the square that one token stands for. */
export interface EncoderInputFacts {
  readonly takes: "patches" | "pixels";
  readonly patchSize: number;
  /** Whether a patch may hold two frames. */
  readonly pairs: boolean;
}

/** What a worker is born with. It opens a session when a job first needs its graph. */
export interface WorkerSetup {
  readonly graphs: Readonly<Partial<Record<GraphName, GraphSource>>>;
  readonly image: ViewPlan;
  /** How RGB images become what the encoder's graph takes. */
  readonly input: EncoderInputFacts;
  /** K and e; null for an encoder alone. */
  readonly codebook: CodebookFacts | null;
  /** null for a decoder that draws nothing. */
  readonly drawing: DrawingFacts | null;
  /** Numbers of each token, of features; null for an encoder that gives ids only. */
  readonly featureDim: number | null;
  /** What `embed` needs besides its graph; null for a tokenizer without a projector. */
  readonly projector: (Pick<ProjectorSpec, "info" | "image" | "layout"> & { readonly input: EncoderInputFacts }) | null;
  readonly device: ExecutionProvider;
  /** Threads that one graph run uses. */
  readonly threads: number;
  readonly precision: Precision;
  /** Whether onnxruntime copies the weights into the form its kernels like best. */
  readonly prepack: boolean | undefined;
}

/** The jobs that a thread can do: of each, what it takes and what it gives. */
export type JobTable<J> = { [K in keyof J]: { input: unknown; output: unknown } };

/** The jobs of worker.ts, which runs the graphs. */
export interface Jobs {
  /** Opens the session of a graph ahead of its first use. */
  open: { input: { graph: GraphName }; output: null };
  /** Opens every session and runs each graph once, on a grey image. */
  warmup: { input: { codes: Codes | null }; output: null };
  encode: {
    /** `images` as the encoder takes them (see `ImageJobs.preprocess`). Ids are found where `codes` are given. */
    input: { images: readonly RgbImage[]; features: boolean; codes: Codes | null };
    output: ImageTokens[];
  };
  /** At most `viewsPerRun` views share a graph run. */
  embed: { input: { images: readonly PreparedImage[]; viewsPerRun: number }; output: ImageEmbeddings[] };
  /** -> the logits of each image, [labels] */
  classify: { input: { images: readonly RgbImage[] }; output: Float32Array[] };
  /** What all workers search for ids, in shared memory. */
  codes: { input: null; output: Codes };
  /** Ids, or features, of images with one number of tokens -> one image each. */
  decode: { input: { images: readonly (Int32Array | Float32Array)[] }; output: RgbImage[] };
  /**
   * Begins a picture whose ids are drawn after these features, in the place of the one before -> its ticket. A pool of one worker, which
   * keeps its state.
   */
  beginDrawing: { input: DrawingRequest; output: number };
  /** The next `count` ids of the picture of a ticket. */
  draw: { input: { ticket: number; count: number }; output: Int32Array };
  /** Ids of images -> the features of each, [N, decodedFeatureDim] */
  decodeFeatures: { input: { images: readonly Int32Array[] }; output: Float32Array[] };
  /** [t] -> [t, e] */
  codebook: { input: { ids: Int32Array }; output: Float32Array };
  /** [t] -> [t, width] */
  embedIds: { input: { ids: Int32Array }; output: Float32Array };
  /** [t, width] -> [t, codes] */
  predictIds: { input: { hiddenStates: Float32Array; width: number }; output: Float32Array };
}

/** How photos are decoded: all their pixels, or as few as the encoder's view needs. */
export type Decoding = "exact" | "scaled";

/** What an image worker is born with. */
export interface ImageWorkerSetup {
  readonly image: ViewPlan;
  /** How `embed` wants them; null without a projector. */
  readonly projectorImage: ViewPlan | null;
  /** Larger images are refused; undefined leaves it to `readImage`. */
  readonly maxPixels: number | undefined;
  readonly decoding: Decoding;
}

/** The jobs of image-worker.ts, which reads and resizes images. */
export interface ImageJobs {
  /** Loads what decoding needs ahead of its first use. */
  open: { input: null; output: null };
  /** An image -> the pixels that the encoder takes. */
  preprocess: { input: { image: PortableImage }; output: RgbImage };
  /** An image -> its views as the encoder takes them for `embed`. */
  prepare: { input: { image: PortableImage }; output: PreparedImage };
  /** A frame of a video of `count` -> the pixels that the encoder takes for `embedVideo`. */
  frame: { input: { image: PortableImage; count: number }; output: RgbImage };
  /** An image -> the images that the checkpoint's preprocessing makes of it before any is encoded. */
  views: { input: { image: PortableImage }; output: RgbImage[] };
  /** An image -> what the encoder sees of it, `side` pixels wide and high. */
  target: { input: { image: PortableImage; side: number }; output: RgbImage };
}

/** How a picture's ids are drawn. */
export interface DrawingRequest extends DrawRule {
  /** [conditions, conditionDim] */
  readonly features: Float32Array;
  /** 1 is none. */
  readonly guidanceScale: number;
  readonly seed: number;
}

export interface JobRequest<J extends JobTable<J>, K extends keyof J = keyof J> {
  readonly kind: K;
  readonly input: J[K]["input"];
}

export type JobResponse<J extends JobTable<J>> =
  | { readonly ok: true; readonly output: J[keyof J]["output"] }
  | { readonly ok: false; readonly error: PlainError };

/** An error as plain data: structured cloning would keep a message but lose `code` and the class. */
export interface PlainError {
  readonly code: VqraeErrorCode | null;
  readonly message: string;
  readonly stack: string | undefined;
  readonly index: number | undefined;
  readonly path: string | undefined;
  readonly cause: PlainError | null;
}

/** Causes nested deeper than this are dropped, so that a cycle of causes ends. */
const MAX_CAUSES = 8;

export function toPlainError(error: unknown, depth = 0): PlainError {
  const plain = { code: null, stack: undefined, index: undefined, path: undefined, cause: null };
  if (!(error instanceof Error)) return { ...plain, message: String(error) };
  const hasCause = error.cause !== undefined && depth < MAX_CAUSES;
  return {
    ...plain,
    ...(VqraeError.isInstance(error) && { code: error.code, index: error.index, path: error.path }),
    message: error.message,
    stack: error.stack,
    cause: hasCause ? toPlainError(error.cause, depth + 1) : null,
  };
}

/** The error again, as a `VqraeError` where it was one, with the stack of the thread that threw it. */
export function fromPlainError({ code, message, stack, index, path, cause }: PlainError): Error {
  const options = cause === null ? {} : { cause: fromPlainError(cause) };
  const details = { ...options, ...(index !== undefined && { index }), ...(path !== undefined && { path }) };
  const error = code === null ? new Error(message, options) : new VqraeError(code, message, details);
  if (stack !== undefined) error.stack = stack;
  return error;
}

/** The buffers of `arrays` that can change thread, each once; the others are cloned. */
export function buffersOf(arrays: Iterable<ArrayBufferView | undefined>): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  for (const array of arrays) {
    if (array?.buffer instanceof ArrayBuffer) buffers.add(array.buffer);
  }
  return [...buffers];
}
