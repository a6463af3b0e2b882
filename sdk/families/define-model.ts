import type { Projector } from "../contract/projector.ts";
import { expectedBut } from "../errors.ts";
import type { Model, ModelBase } from "./model.ts";

/** What a model that is no vision transformer says of itself. */
export type ModelParts = Pick<Model, "encoder" | "weights" | "graphs"> &
  Partial<Pick<Model, "codebook" | "decoder" | "summary">>;

/** Puts a model together that has one kind of features and no projectors, such as a convolutional tokenizer. */
export function defineModel(base: ModelBase, { codebook = null, decoder = null, ...parts }: ModelParts): Model {
  const refuse = (what: string, received: string) => expectedBut("UNSUPPORTED", what, base.modelId, received);
  const model: Model = {
    ...base,
    summary: { encoder: { ...parts.encoder }, features: null, codebook, decoder: decoder && { ...decoder } },
    ...parts,
    codebook,
    decoder,
    projector: null,
    tower: null,
    selectFeatures: ({ layer, postNorm }) => {
      if (layer === undefined && postNorm === undefined) return model;
      throw refuse("no choice of features", "one: this model has one kind of features");
    },
    withProjector: ({ info }: Projector) => {
      throw refuse("no projector", `${info.modelId}: this model's features go into none`);
    },
  };
  return model;
}
