import type { Projector } from "../contract/projector.ts";
import { expectedBut } from "../errors.ts";
import type { GraphSettings, OnnxModel } from "../nn/onnx/graph-builder.ts";
import type { FeatureChoice, Model, ModelBase, ProjectorSpec } from "./model.ts";
import { fitToFeatures } from "./projector/fit-projector.ts";

/** What a model that is no plain vision transformer says of itself. */
export interface ModelParts
  extends Pick<Model, "encoder" | "weights" | "graphs">,
    Partial<Pick<Model, "codebook" | "decoder" | "decodedFeatureDim" | "summary" | "rotary">> {
  /** Blocks whose tokens `project` can give to deepstack levels; none by default. */
  readonly blocks?: number;
  /** The encoder with a projector behind it, as `ModelGraphs.project`; undefined for features that go into none. */
  project?(projector: ProjectorSpec, weights: object, settings: GraphSettings): OnnxModel;
}

/** Puts a model together that has one kind of features, such as a convolutional tokenizer. */
export function defineModel(base: ModelBase, parts: ModelParts): Model {
  return withProjector(base, parts, null);
}

function withProjector(base: ModelBase, parts: ModelParts, projector: ProjectorSpec | null): Model {
  const {
    codebook = null,
    decoder = null,
    decodedFeatureDim,
    rotary = null,
    blocks = 0,
    summary,
    project,
    encoder,
    weights,
    graphs,
  } = parts;
  const refuse = (what: string, received: string) => expectedBut("UNSUPPORTED", what, base.modelId, received);
  const model: Model = {
    ...base,
    encoder,
    codebook,
    decoder,
    ...(decodedFeatureDim !== undefined && { decodedFeatureDim }),
    projector,
    labels: null,
    weights: projector ? { ...weights, others: [...weights.others, projector] } : weights,
    graphs:
      projector && project
        ? {
            ...graphs,
            project: {
              takes: graphs.encode.takes,
              build: (own: object, settings: GraphSettings) => project(projector, own, settings),
            },
          }
        : graphs,
    summary: summary ?? {
      encoder: { ...encoder },
      features: null,
      codebook: codebook && { ...codebook },
      decoder: decoder && { ...decoder },
    },
    tower: null,
    rotary,
    selectFeatures({ layer, postNorm }: FeatureChoice) {
      if (layer === undefined && postNorm === undefined) return model;
      throw refuse("no choice of features", "one: this model has one kind of features");
    },
    withProjector(own: Projector) {
      if (project) return withProjector(base, parts, fitToFeatures(base, { ...encoder, blocks }, own));
      throw refuse("no projector", `${own.info.modelId}: this model's features go into none`);
    },
  };
  return model;
}
