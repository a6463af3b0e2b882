import { defineFamily, type Family } from "../family.ts";
import { readImageSpec } from "../image/preprocessor-config.ts";
import type { VitArchitecture } from "./architecture.ts";
import { vitModel } from "./vit-model.ts";
import { resolveEncoder } from "./vit-tensors.ts";

/** A vision transformer alone, or inside a VLM, as a family. */
export const vitFamily = (architecture: VitArchitecture): Family =>
  defineFamily({
    modelTypes: architecture.modelTypes,
    config: architecture.config,
    image: (vision, { folder, file, json }) =>
      readImageSpec(folder, { family: architecture, vision, config: json, file }),
    read(vision, tensors, base) {
      const spec = resolveEncoder(architecture, vision, tensors, base.image);
      return vitModel(base, { spec, features: { layer: vision.layers, postNorm: vision.postNorm } });
    },
  });
