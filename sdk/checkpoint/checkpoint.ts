/** The types that the rooms of the SDK share: what a checkpoint is once it has been read and validated. */

/** Element types of a safetensors file that can be a weight. */
export type WeightDtype = "F32" | "F16" | "BF16";

/** Where a tensor lies: a byte range of a safetensors file. Nothing is read until a graph needs it. */
export interface TensorRef {
  /** The name inside the file, for messages. */
  readonly name: string;
  readonly dtype: WeightDtype;
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

export interface LayerNormRef {
  /** [d] */
  readonly weight: TensorRef;
  /** [d] */
  readonly bias: TensorRef;
}

/** A pre-norm transformer block: x + out(attention(norm1 x)), then x + fc2(act(fc1(norm2 x))). */
export interface BlockRef {
  readonly norm1: LayerNormRef;
  readonly query: LinearRef;
  readonly key: LinearRef;
  readonly value: LinearRef;
  readonly out: LinearRef;
  readonly norm2: LayerNormRef;
  readonly fc1: LinearRef;
  readonly fc2: LinearRef;
}

/** "gelu" is the exact (erf) form, "gelu_tanh" the approximation that HF calls gelu_pytorch_tanh. */
export type Activation = "gelu" | "gelu_tanh";

export interface TransformerSpec {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly heads: number;
  readonly layerNormEps: number;
  readonly activation: Activation;
}

export interface EncoderSpec extends TransformerSpec {
  readonly patchSize: number;
  readonly imageSize: number;
  /** Patches in a row and in a column: floor(imageSize / patchSize). */
  readonly grid: number;
  /** The patch convolution, its kernel [hidden, 3, patch, patch]. */
  readonly patchEmbedding: LinearRef;
  /** [1, 1, hidden] or [hidden]; null where the family has no class token. It comes first in the sequence. */
  readonly classToken: TensorRef | null;
  /** [.., tokens, hidden], class token's row first where there is one. */
  readonly positions: TensorRef;
  readonly blocks: readonly BlockRef[];
  readonly finalNorm: LayerNormRef;
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
  readonly finalNorm: LayerNormRef;
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
export interface ImageSpec {
  /** Side of the square input in pixels: the centre of the resized image. */
  readonly size: number;
  /** Side of the square, or length of the shortest edge, that images are resized to first; at least `size`. */
  readonly resizeTo: number;
  readonly resample: Resample;
  readonly geometry: Geometry;
  /** Of pixel values in [0, 1]. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
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
}
