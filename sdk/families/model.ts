import type { IdHead } from "../contract/id-head.ts";
import type { DeepstackLevel, ImageLayout, Projector, ProjectorInfo, ProjectorOp } from "../contract/projector.ts";
import type { ViewPlan } from "../image/view-plan.ts";
import type { GraphSettings, OnnxModel } from "../nn/onnx/graph-builder.ts";
import type { RotaryVitSpec } from "../nn/rotary-vit/spec.ts";
import type { FeatureSpec, VitSpec } from "../nn/vit/vit-spec.ts";
import type { DrawRule } from "../sampling/draw-rule.ts";
import type { CodeMetric } from "../search/code-tables.ts";
import type { ResidualCodes, SignCodes } from "../search/sign-codes.ts";
import type { TensorRef } from "../weights/tensor-ref.ts";

/**
 * A validated model: a tree of weights, whose tensors all exist and have the right shapes, and the graphs that it offers.
 * Nothing is read before a graph needs it. A family's `read` makes one.
 */
export interface Model {
  /** Folder name; an mmproj's without its extension. */
  readonly modelId: string;
  /** The checkpoint's folder, or the file that an mmproj is. */
  readonly folder: string;
  /** As its model card states it, such as "apache-2.0"; null where that states none. */
  readonly licence: string | null;
  /** What a user must know before any use, such as that it is for research alone; left out for most. */
  readonly notice?: string;
  /** How an image becomes what the encoder is given. */
  readonly image: ViewPlan;
  readonly encoder: EncoderFacts;
  /** null for a model that gives features only. */
  readonly codebook: CodebookFacts | null;
  /** null for a model that decodes nothing. */
  readonly decoder: DecoderFacts | null;
  /** Numbers of a token's features as `decodeFeatures` gives them; left out for a model without. */
  readonly decodedFeatureDim?: number;
  /** Of a model whose ids are no tokens of its language model; left out for others. */
  readonly idHead?: Pick<IdHead, "width" | "codebookSize">;
  /** null where the caller gave none: it is no part of the folder. */
  readonly projector: ProjectorSpec | null;
  /** The classes of its classification head, by index; null for a model without one. */
  readonly labels: readonly string[] | null;
  /** Plain data: objects and lists with tensors and tagged linears in them, which the checks for finite weights walk over. */
  readonly weights: ModelWeights;
  readonly graphs: ModelGraphs;
  /** What `vqrae inspect` shows of each part: its sizes by name; null for a part that it does not have. */
  readonly summary: ModelSummary;
  /** What ViT swap compares; null for a model that is no plain vision transformer. */
  readonly tower: Tower | null;
  /** A vision transformer whose positions rotate, which ViT swap writes too; null for other models. */
  readonly rotary: RotaryVitSpec | null;
  /**
   * The same model with other features.
   * @throws INVALID_ARGUMENT for a layer or a norm that it does not have; UNSUPPORTED for a model without such a choice
   */
  selectFeatures(asked: FeatureChoice): Model;
  /**
   * The same model with a projector behind its encoder.
   * @throws INCOMPATIBLE for one that does not fit; UNSUPPORTED for what it takes of the encoder's tokens
   */
  withProjector(projector: Projector): Model;
}

/** Of each part what it is, as plain data. */
export interface ModelSummary {
  readonly encoder: Readonly<Record<string, unknown>>;
  readonly features: Readonly<Record<string, unknown>> | null;
  readonly codebook: Readonly<Record<string, unknown>> | null;
  readonly decoder: Readonly<Record<string, unknown>> | null;
}

/** What its checkpoint's reader finds before the family reads the tensors. */
export type ModelBase = Pick<Model, "modelId" | "folder" | "licence" | "notice" | "image">;

export interface FeatureChoice {
  /** A block, 1-based; negative counts from the end. */
  readonly layer?: number | undefined;
  readonly postNorm?: boolean | undefined;
}

export interface EncoderFacts {
  /** Side, in pixels, of the square that one token stands for. */
  readonly patchSize: number;
  /** Tokens in a row and in a column; null where each image has a grid of its own. */
  readonly grid: number | null;
  /** The most tokens that an image can have: those of `grid`, where there is one. */
  readonly maxTokens: number;
  /** Numbers per token; null for an encoder that gives ids only. */
  readonly featureDim: number | null;
  /** Side, in patches of its own, of the square that one token stands for; left out where each is a token. */
  readonly poolScale?: number;
  /** Whether its graphs take `change` too (see `ModelGraphs`). */
  readonly pairs?: boolean;
}

export interface CodebookFacts {
  readonly size: number;
  readonly dim: number;
  /** Ids of one token (default 1): where these are no "signs", each has a codebook of its own. */
  readonly codesPerToken?: number;
  /** What makes a code the one of a vector (default "distance"). */
  readonly metric?: CodeMetric | SignCodes["metric"] | ResidualCodes["metric"];
  /** Of "signs". */
  readonly firstBit?: SignCodes["firstBit"];
  /** Of "residual": the sides of an image's grids of ids, which come one after the other; the last is the encoder's grid. */
  readonly scales?: readonly number[];
}

export interface DecoderFacts {
  readonly takes: "ids" | "features";
  /** Side of the pixels that it gives. */
  readonly outputSize: number;
  /** Of a decoder that draws ids of a second tokenizer, one after the other, and decodes these; left out for most. */
  readonly drawing?: DrawingFacts;
}

/** A transformer with a cache, and how it draws by default: `guidanceScale` 1 is no guidance. */
export interface DrawingFacts extends DrawRule {
  readonly guidanceScale: number;
  /** Tokens that it draws after, and numbers of each: what `decodeFeatures` gives. */
  readonly conditions: number;
  readonly conditionDim: number;
  /** Ids that it draws, each of so many codes. */
  readonly steps: number;
  readonly codes: number;
  readonly blocks: number;
  readonly heads: number;
  readonly headDim: number;
}

export interface ModelWeights {
  /** The linears that it tags can be in 8 bits. */
  readonly encoder: object;
  /** Of quantizer, decoder and projector, in whatever form the graphs take them. */
  readonly others: readonly object[];
}

/**
 * The graphs that a model offers. Each builds itself; its inputs and outputs have fixed names:
 *
 * - `encode`: `patches` float32 [n * N, 3 * p * p] in raster order, each ordered channel, row, column, or `pixels` float32
 *   [n, 3, H, W], both normalised; and `grid` int64 [2], rows and columns, where each image has its own; and `change` float32
 *   [N, 3 * p * p], a video's second frame less its first, or zeros [1, 3 * p * p], where `pairs` says so. Gives `features`
 *   [n, N, D], and where there is such a thing `class_token` [n, D] and `quantizer_input` [n * N, ...]
 * - `quantize`: `quantizer_input` -> `vectors` float32 [t, e], whose nearest codes (`CodebookFacts.metric`) are the ids; t counts
 *   codes, those of one token side by side. Of "residual" codes, with one image's tokens, `ids` int32 [all scales' ids] and `energies`
 * - `codebook`: `ids` int64 [t] -> `vectors` float32 [t, e], as the quantizer compares them; the i-th id is one of the codebook of its
 *   place in a token, i modulo `codesPerToken`
 * - `decode`: `ids` int64 [n, N * codesPerToken] (or [n, all scales' ids]) or `features` float32 [n, N, D] -> `pixels` uint8 [n, H, W, 3], RGB, and `energies` float32
 *   [..], which are not finite where a weight is not
 * - `draw`: of a decoder with `drawing`, whose `decode` takes the ids that are drawn: `condition` float32 [b, m, conditionDim], `ids`
 *   int64 [b, n], `positions` int64 [m + n], `mask` float32 [m + n, c + m + n], and of each block i `keys_i` and `values_i` float32
 *   [b, heads, c, headDim] -> `logits` float32 [b, codes] after the last token, and `new_keys_i` and `new_values_i`
 *   [b, heads, m + n, headDim]
 * - `decodeFeatures`: `ids` int64 [n, N * codesPerToken] -> `features` float32 [n, N, decodedFeatureDim]
 * - `classify`: as `encode` -> `logits` float32 [n, labels]
 * - `embedIds`: `ids` int64 [t] -> `embeddings` float32 [t, W], and `predictIds`: `hidden_states` float32 [t, W] -> `logits` float32
 *   [t, K], where there is an `idHead`
 * - `project`: as `encode` -> `embeddings` float32 [n, M, E], and `newline` [E] where the projector has one
 */
export interface ModelGraphs {
  readonly encode: EncoderGraph;
  readonly quantize?: BuildGraph;
  readonly codebook?: BuildGraph;
  readonly decode?: BuildGraph;
  readonly draw?: BuildGraph;
  readonly decodeFeatures?: BuildGraph;
  readonly project?: EncoderGraph;
  readonly classify?: EncoderGraph;
  readonly embedIds?: BuildGraph;
  readonly predictIds?: BuildGraph;
}

export type BuildGraph = (settings: GraphSettings) => OnnxModel;

export interface EncoderGraph {
  readonly takes: "patches" | "pixels";
  /** Side in pixels of a token's square, where it is another than `EncoderFacts.patchSize`. */
  readonly patchSize?: number;
  /** `weights`: the model's `weights.encoder`, its tagged linears in 8 bits or not. */
  build(weights: object, settings: GraphSettings): OnnxModel;
}

/** A plain vision transformer, and which of its hidden states the features are. */
export interface Tower {
  readonly spec: VitSpec;
  readonly features: FeatureSpec;
}

/** A projector that fits the encoder it runs behind. */
export interface ProjectorSpec {
  readonly info: ProjectorInfo;
  /** Blocks (1-based) whose patch tokens are concatenated. */
  readonly layers: readonly number[];
  /** Apply the encoder's final norm to each of them. */
  readonly postNorm: boolean;
  readonly ops: readonly ProjectorOp[];
  /** Of blocks that the encoder has. */
  readonly deepstack: readonly DeepstackLevel[];
  /** [outputDim], or null for a layout without. */
  readonly newline: TensorRef | null;
  readonly layout: ImageLayout;
  /** The checkpoint's own, with the projector's tiling. */
  readonly image: ViewPlan;
}
