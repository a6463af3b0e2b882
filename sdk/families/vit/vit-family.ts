import { defineFamily, type Family } from "../family.ts";
import { readImagePlan } from "../image/read-image-plan.ts";
import type { VitArchitecture } from "./architecture.ts";
import { resolveHead } from "./head.ts";
import { vitModel } from "./vit-model.ts";
import { resolveEncoder } from "./vit-tensors.ts";

/** A vision transformer alone, or inside a VLM, as a family. */
export const vitFamily = (architecture: VitArchitecture): Family =>
  defineFamily({
    modelTypes: architecture.modelTypes,
    config: architecture.config,
    image({ imageSize, patchSize }, source) {
      const { grids, imageProcessor } = architecture;
      return readImagePlan(source, { imageSize, patchSize, grids: grids.kind }, imageProcessor);
    },
    read(vision, tensors, base, { json, file }) {
      const spec = resolveEncoder(architecture, vision, tensors, base.image);
      const head = architecture.classifies ? resolveHead(json, tensors, spec.hiddenSize, file) : null;
      return vitModel(base, { spec, features: { layer: vision.layers, postNorm: vision.postNorm } }, { head });
    },
  });
