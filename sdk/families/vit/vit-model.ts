import type { TransformerSpec } from "../../nn/layers/transformer-spec.ts";
import { buildProjectorGraph } from "../../nn/ops/projector.ts";
import { buildClassifierGraph, type HeadSpec } from "../../nn/vit/classifier.ts";
import { buildEncoderGraph, type QuantizerTaps } from "../../nn/vit/encoder.ts";
import type { VitSpec } from "../../nn/vit/vit-spec.ts";
import type { AnyPrecision } from "../../weights/int8/int8-tree.ts";
import type { Model, ModelBase, ModelSummary, ModelWeights, ProjectorSpec } from "../model.ts";
import { fitProjector } from "../projector/fit-projector.ts";
import { selectFeatures } from "./select-features.ts";

/** What a tokenizer adds to its encoder. */
export interface TokenizerParts extends Pick<Model, "codebook" | "decoder"> {
  /** What the quantizer takes of the encoder. */
  readonly taps: QuantizerTaps;
  readonly weights: ModelWeights["others"];
  readonly summary: Pick<ModelSummary, "codebook" | "decoder">;
  readonly graphs: Omit<Model["graphs"], "encode" | "project">;
}

/** What stands behind a vision transformer; nothing behind an encoder alone. */
export interface BehindEncoder {
  readonly tokenizer?: TokenizerParts;
  readonly projector?: ProjectorSpec;
  readonly head?: HeadSpec | null;
}

/** A vision transformer as a model. */
export function vitModel(base: ModelBase, tower: NonNullable<Model["tower"]>, behind: BehindEncoder = {}): Model {
  const { spec, features } = tower;
  const { tokenizer = null, projector = null, head = null } = behind;
  const encodeGraph = (weights: VitWeights, settings: Settings) =>
    buildEncoderGraph({ encoder: weights, features, quantizer: tokenizer?.taps ?? null }, settings);
  const model: Model = {
    ...base,
    encoder: {
      patchSize: spec.patchSize,
      grid: spec.grid,
      maxTokens: spec.maxPatches,
      featureDim: spec.hiddenSize,
    },
    codebook: tokenizer?.codebook ?? null,
    decoder: tokenizer?.decoder ?? null,
    projector,
    labels: head?.labels ?? null,
    weights: {
      encoder: spec,
      others: [...(tokenizer?.weights ?? []), ...(projector ? [projector] : []), ...(head ? [head] : [])],
    },
    graphs: {
      encode: { takes: "patches", build: encodeGraph },
      ...tokenizer?.graphs,
      ...(projector && {
        project: {
          takes: "patches",
          build: (weights: VitWeights, settings: Settings) =>
            buildProjectorGraph({ encoder: weights, projector }, settings),
        },
      }),
      ...(head && {
        classify: {
          takes: "patches",
          build: (weights: VitWeights, settings: Settings) =>
            buildClassifierGraph({ encoder: weights, head }, settings),
        },
      }),
    },
    summary: {
      encoder: {
        ...transformerSummary(spec),
        imageSize: spec.imageSize,
        patchSize: spec.patchSize,
        grid: spec.grid,
        maxTokens: spec.maxPatches,
        classToken: spec.classToken !== null,
      },
      features: { ...features },
      codebook: tokenizer?.summary.codebook ?? null,
      decoder: tokenizer?.summary.decoder ?? null,
    },
    tower,
    rotary: null,
    selectFeatures: (asked) => vitModel(base, { spec, features: selectFeatures(base.modelId, tower, asked) }, behind),
    withProjector: (own) => vitModel(base, tower, { ...behind, projector: fitProjector(base, tower, own) }),
  };
  return model;
}

/** The sizes of a transformer of `blocks`. */
export function transformerSummary(spec: TransformerSpec & { readonly blocks: readonly unknown[] }) {
  const { hiddenSize, intermediateSize, heads, layerNormEps, activation } = spec;
  return { blocks: spec.blocks.length, hiddenSize, intermediateSize, heads, layerNormEps, activation };
}

type VitWeights = AnyPrecision<VitSpec>;
type Settings = Parameters<typeof buildEncoderGraph>[1];
