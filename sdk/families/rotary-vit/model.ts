import { buildRotaryVitEncoder, buildRotaryVitProjector } from "../../nn/rotary-vit/graphs.ts";
import { type RotaryVitSpec, takesPairs } from "../../nn/rotary-vit/spec.ts";
import { defineModel } from "../define-model.ts";
import type { Model, ModelBase } from "../model.ts";

/** A vision transformer with rotary positions whose tensors are found, as a model. */
export function rotaryVitModel(base: ModelBase, spec: RotaryVitSpec): Model {
  const maxTokens = base.image.geometry === "native" ? base.image.maxPatches : 0;
  return defineModel(base, {
    encoder: { patchSize: spec.patchSize, grid: null, maxTokens, featureDim: spec.hiddenSize, pairs: takesPairs(spec) },
    weights: { encoder: spec, others: [] },
    graphs: {
      encode: {
        takes: "patches",
        build: (weights: RotaryVitSpec, settings) => buildRotaryVitEncoder(weights, settings),
      },
    },
    rotary: spec,
    blocks: spec.blocks.length,
    project: (projector, weights: RotaryVitSpec, settings) => buildRotaryVitProjector(weights, projector, settings),
  });
}
