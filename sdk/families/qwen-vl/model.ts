import type { TensorLookup } from "../../weights/tensor-lookup.ts";
import { linearGroup, type NormRef } from "../../weights/tensor-ref.ts";
import { defineModel } from "../define-model.ts";
import type { FamilySource } from "../family.ts";
import { readImagePlan } from "../image/read-image-plan.ts";
import type { Model, ModelBase } from "../model.ts";
import { buildQwenVlEncoder, buildQwenVlProjector } from "./forward.ts";
import { qwen2VlImageProcessor } from "./image.ts";
import type { QwenVlBlock, QwenVlSpec } from "./spec.ts";

/** Images as Qwen-VL's own processor prepares them. */
export function qwenVlImagePlan(
  { patch_size: patchSize, spatial_merge_size: merge }: { patch_size: number; spatial_merge_size: number },
  source: FamilySource,
) {
  const own = qwen2VlImageProcessor(merge);
  return readImagePlan(source, { imageSize: null, patchSize, grids: "native" }, own, [own]);
}

/** The tower's own tensors: a checkpoint has them below "visual." or "model.visual.". */
export function qwenVlTensors(tensors: TensorLookup): TensorLookup {
  const [prefix = ""] = tensors.prefixesOf("patch_embed.proj.weight");
  return tensors.below(prefix);
}

/** The attention of a block, whose names all Qwen-VLs share. */
export function qwenVlAttention(
  block: TensorLookup,
  d: number,
  norm: NormRef,
): Pick<QwenVlBlock, "attention" | "attentionOut"> {
  const [query, key, value] = block.fusedLinears("attn.qkv", [d, d]);
  return {
    attention: linearGroup({ query, key, value }, { norm }),
    attentionOut: linearGroup({ out: block.linear("attn.proj", [d, d]) }),
  };
}

/** A tower whose tensors are found, as a model. */
export function qwenVlModel(base: ModelBase, spec: QwenVlSpec): Model {
  const maxTokens = base.image.geometry === "native" ? base.image.maxPatches : 0;
  return defineModel(base, {
    encoder: { patchSize: spec.patchSize, grid: null, maxTokens, featureDim: spec.hiddenSize },
    weights: { encoder: spec, others: [] },
    graphs: {
      encode: { takes: "patches", build: (weights: QwenVlSpec, settings) => buildQwenVlEncoder(weights, settings) },
    },
    blocks: spec.blocks.length,
    project: (projector, weights: QwenVlSpec, settings) => buildQwenVlProjector(weights, projector, settings),
  });
}
