import type { ImageLayout, ProjectorInfo, ProjectorOp } from "../contract/projector.ts";

/** The types that the rooms of the SDK share: what a checkpoint is once it has been read and validated. */

/** Element types of a safetensors file that can be a weight. */
export type WeightDtype = "F32" | "F16" | "BF16";

/** Where a tensor lies: a byte range of a safetensors file. Nothing is read until a graph needs it. */
export interface TensorRef<D extends WeightDtype | "I8" = WeightDtype> {
  /** The name inside the file, for messages. */
  readonly name: string;
  readonly dtype: D;
  readonly shape: readonly number[];
  /** Absolute path of the file, symbolic links resolved. */
  readonly file: string;
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly length: number;
}

export interface LinearRef {
  /** [out, in], as torch stores it. */
  readonly weight: TensorRef;
  /** [out], or null for a linear without bias. */
  readonly bias: TensorRef | null;
}

/** A linear in 8 bits: column o of torch's weight transposed is `scales[o]` times column o of `columns`. */
export interface Int8LinearRef {
  /** [in, out], as onnxruntime's MatMulIntegerToFloat takes it; -127 to 127. */
  readonly columns: TensorRef<"I8">;
  /** [out] */
  readonly scales: TensorRef;
  /** [out], or null for a linear without bias. */
  readonly bias: TensorRef | null;
}

export type AnyLinearRef = LinearRef | Int8LinearRef;

/** A LayerNorm; without bias an RMSNorm. */
export interface NormRef {
  /** [d] */
  readonly weight: TensorRef;
  /** [d] */
  readonly bias: TensorRef | null;
}

/** A pre-norm transformer block: x + scale1 * out(attention(norm1 x)), then x + scale2 * mlp(norm2 x). */
export interface BlockRef<Linear extends AnyLinearRef = LinearRef> {
  readonly norm1: NormRef;
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  /** Over all of d, before the heads are split; null for most. */
  readonly queryNorm: NormRef | null;
  readonly keyNorm: NormRef | null;
  readonly out: Linear;
  /** [d], the layer scale of the attention's branch, or null. */
  readonly scale1: TensorRef | null;
  readonly norm2: NormRef;
  /** [intermediate, d]; where the MLP is gated [2 * intermediate, d], the gate's rows first. */
  readonly fc1: Linear;
  readonly fc2: Linear;
  /** [d], of the MLP's branch. */
  readonly scale2: TensorRef | null;
}

/**
 * "gelu" is the exact (erf) form, "gelu_tanh" the approximation that HF calls gelu_pytorch_tanh, "quick_gelu"
 * x * sigmoid(1.702 x), "swiglu" a gated MLP: silu of the first half times the second.
 */
export type Activation = "gelu" | "gelu_tanh" | "quick_gelu" | "swiglu";

export interface TransformerSpec {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly heads: number;
  readonly layerNormEps: number;
  readonly activation: Activation;
}

export interface EncoderSpec<Linear extends AnyLinearRef = LinearRef> extends TransformerSpec {
  readonly patchSize: number;
  /** Side of the pixels that it is given, which may differ from what it was trained on; null where it is no square. */
  readonly imageSize: number | null;
  /** Patches in a row and in a column, floor(imageSize / patchSize); null where each image has a grid of its own. */
  readonly grid: number | null;
  /** The most patches that an image can have: those of `grid`, where there is one. */
  readonly maxPatches: number;
  /** The patch convolution, its kernel [hidden, 3, patch, patch], or a linear [hidden, patch * patch * 3]. */
  readonly patchEmbedding: LinearRef;
  /** Whether `patchEmbedding` is such a linear: its columns are ordered row, column, channel. */
  readonly channelsLast: boolean;
  /** [1, 1, hidden] or [hidden]; null where the family has no class token. It comes first in the sequence. */
  readonly classToken: TensorRef | null;
  /** [1, r, hidden]: tokens without position between the class token and the patches; null for none. */
  readonly registers: TensorRef | null;
  readonly positions: PositionsRef;
  /** Before the first block (CLIP's `pre_layrnorm`), or null. */
  readonly firstNorm: NormRef | null;
  readonly blocks: readonly BlockRef<Linear>[];
  /** null for an encoder whose last block's output is its last hidden state. */
  readonly finalNorm: NormRef | null;
}

/** Trained positions, brought to another grid where the encoder's is another. */
export interface PositionsRef {
  /** [.., tokens, hidden], class token's row first where there is one. */
  readonly table: TensorRef;
  /** Patches in a row and in a column of the table. */
  readonly grid: number;
  readonly filter: "bilinear" | "bicubic";
  /** Whether a smaller grid averages over the table's (torch's `antialias`). */
  readonly antialias: boolean;
}

/** Which hidden state `features` are: the residual stream after block `layer` (1-based), normed or not. */
export interface FeatureSpec {
  readonly layer: number;
  /** Apply the encoder's final LayerNorm. */
  readonly postNorm: boolean;
}

export interface QuantizerSpec {
  /** K */
  readonly size: number;
  /** e */
  readonly dim: number;
  /** Blocks (1-based, ascending) whose patch tokens are concatenated as the quantizer's input. */
  readonly layers: readonly number[];
  /** LayerNorm without affine (eps 1e-6) on each layer's tokens before they are concatenated. */
  readonly normalize: boolean;
  /** [e, layers * hidden] */
  readonly inProjection: LinearRef;
  /** C: [K, e], frozen in training. */
  readonly codebook: TensorRef;
  /** W: [e, e]; the effective codebook is C Wᵀ (+ b). */
  readonly codebookProjection: LinearRef;
  /** [decoder hidden, e] */
  readonly outProjection: LinearRef;
}

export interface DecoderSpec extends TransformerSpec {
  /** Tokens in a row and in a column. */
  readonly grid: number;
  /** Pixels of one token's square (q): the output is grid * patchSize pixels wide and high. */
  readonly patchSize: number;
  /** [1, grid * grid, hidden] */
  readonly positions: TensorRef;
  readonly blocks: readonly BlockRef[];
  readonly finalNorm: NormRef;
  /** The pixel head is a convolution over the token grid of this odd side; 1 sees the square's own token alone. */
  readonly headKernel: number;
  /** [q * q * 3, hidden, headKernel, headKernel]: a patch vector is ordered row, column, channel. */
  readonly head: LinearRef;
  /** Pixel in [0, 1] = head output * std + mean, per channel. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

export type Resample = "bilinear" | "bicubic" | "lanczos" | "box";
/** "stretch" resizes to a square whatever the aspect ratio; "crop" resizes the shortest edge and keeps the ratio. */
export type Geometry = "stretch" | "crop";

/** How an image becomes the encoder's pixels. */
export type ImageSpec = SquareImageSpec | NativeImageSpec;

interface PixelSpec {
  readonly resample: Resample;
  /** Of pixel values in [0, 1]. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** Every image becomes a square of one size. */
export interface SquareImageSpec extends PixelSpec {
  readonly geometry: Geometry;
  /** Side of the square input in pixels: the centre of the resized image. */
  readonly size: number;
  /** Side of the square, or length of the shortest edge, that images are resized to first; at least `size`. */
  readonly resizeTo: number;
  /** Bytes: the colour of the square that an image is centred on before anything else (LLaVA 1.5); null for none. */
  readonly background: readonly [red: number, green: number, blue: number] | null;
  /** null for most. Where there is one, `size` is a tile's side and the whole image is stretched to it. */
  readonly tiling: Tiling | null;
}

/** Every image keeps its aspect ratio, as nearly as whole patches allow (SigLIP2 NaFlex, LFM2-VL). */
export interface NativeImageSpec extends PixelSpec {
  readonly geometry: "native";
  readonly patchSize: number;
  /** The most patches that an image is resized to. */
  readonly maxPatches: number;
  /** null for NaFlex's own rule: as many patches as `maxPatches` allows. */
  readonly budget: PixelBudget | null;
}

/** How a vision language model cuts an image into tiles, each of which its encoder sees as an image of its own. */
export type Tiling =
  /** InternVL: `min` to `max` tiles, and where `thumbnail` and more than one tile the whole image after them. */
  | { readonly kind: "dynamic"; readonly min: number; readonly max: number; readonly thumbnail: boolean }
  /** LLaVA 1.6: the whole image, then the tiles of the best of these canvases. */
  | { readonly kind: "anyres"; readonly pinpoints: readonly (readonly [height: number, width: number])[] }
  /** Idefics3: the tiles of the image at this longer side, then the whole image; or, without `split`, that alone. */
  | { readonly kind: "split"; readonly longestEdge: number; readonly split: boolean };

/** How images of their own aspect ratio are brought to whole patches otherwise than by NaFlex (LFM2-VL). */
export interface PixelBudget {
  /** Both sides become multiples of it. */
  readonly factor: number;
  readonly minPixels: number;
  readonly maxPixels: number;
  /** Images of more than `above` pixels are cut into tiles of `size`; null for none. */
  readonly tiles: {
    readonly size: number;
    readonly above: number;
    readonly min: number;
    readonly max: number;
    readonly thumbnail: boolean;
  } | null;
}

/** A validated checkpoint: every tensor that a graph will ask for exists and has the right shape. */
export interface Checkpoint {
  /** Folder name. */
  readonly modelId: string;
  readonly folder: string;
  readonly image: ImageSpec;
  readonly encoder: EncoderSpec;
  readonly features: FeatureSpec;
  /** null for an encoder alone. */
  readonly quantizer: QuantizerSpec | null;
  /** null for an encoder alone. */
  readonly decoder: DecoderSpec | null;
  /** null where the caller gave none: it is no part of the folder. */
  readonly projector: ProjectorSpec | null;
}

/** A projector that fits the encoder it runs behind. */
export interface ProjectorSpec {
  readonly info: ProjectorInfo;
  /** Blocks (1-based) whose patch tokens are concatenated. */
  readonly layers: readonly number[];
  /** Apply the encoder's final norm to each of them. */
  readonly postNorm: boolean;
  readonly ops: readonly ProjectorOp[];
  /** [outputDim], or null for a layout without. */
  readonly newline: TensorRef | null;
  readonly layout: ImageLayout;
  /** The checkpoint's own, with the projector's tiling. */
  readonly image: ImageSpec;
}
