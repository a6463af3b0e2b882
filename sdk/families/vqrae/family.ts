import type { SquarePlan } from "../../image/view-plan.ts";
import type { GraphSettings } from "../../nn/onnx/graph-builder.ts";
import { defineFamily, type FamilySource } from "../family.ts";
import { familyOf, sectionAt } from "../family-of.ts";
import { invalidConfig, parseConfig } from "../fields/config-fields.ts";
import type { VisionConfig, VitArchitecture } from "../vit/architecture.ts";
import { vitArchitectures } from "../vit/architectures.ts";
import { type TokenizerParts, transformerSummary, vitModel } from "../vit/vit-model.ts";
import { resolveEncoder } from "../vit/vit-tensors.ts";
import { type VqraeConfig, vqraeConfig } from "./config.ts";
import { buildDecoderGraph } from "./decoder.ts";
import { buildCodebookGraph, buildQuantizerGraph } from "./quantizer.ts";
import { resolveDecoder, resolveHead, resolveQuantizer } from "./tensors.ts";

/** A VQRAE (arXiv 2511.23386): a vision transformer, a SimVQ codebook over some of its layers, and a symmetric decoder. */
export const vqrae = defineFamily({
  modelTypes: { vqrae: [] },
  config: vqraeConfig,
  image(config, { file }): SquarePlan {
    const { architecture, vision } = encoderOf(config, file);
    if (architecture.grids.kind === "native")
      throw invalidConfig(
        "an encoder with one grid for all images",
        ["encoder", "model_type"],
        file,
        config.encoder.model_type,
        "A VQRAE's decoder has a fixed grid: build it on a SigLIP2 of a fixed resolution (model_type siglip_vision_model).",
      );
    const { size, resizeTo = size } = config.image;
    // Without interpolated positions the pixels must be as many as the encoder was trained on.
    if (size !== vision.imageSize && architecture.grids.kind === "trained")
      throw invalidConfig(`${vision.imageSize}, the encoder's image_size,`, ["image", "size"], file, size);
    return { ...config.image, resizeTo, background: null, tiling: null };
  },
  read(config, tensors, base, { file }) {
    const { architecture, vision } = encoderOf(config, file);
    const { features, layers } = layersOf(config, vision, file);
    const spec = resolveEncoder(architecture, vision, tensors.below("encoder."), base.image);
    if (features.postNorm && !spec.finalNorm)
      throw invalidConfig("false for an encoder without a final norm", ["features", "postNorm"], file, true);
    const quantizer = resolveQuantizer(config, layers, spec.hiddenSize, tensors);
    const decoder = resolveDecoder(config, Math.floor(config.image.size / vision.patchSize), tensors);
    const head = resolveHead(config, spec.hiddenSize, tensors);
    const tokenizer = {
      taps: quantizer,
      codebook: { size: quantizer.size, dim: quantizer.dim },
      decoder: { takes: "ids" as const, outputSize: decoder.grid * decoder.patchSize },
      weights: [quantizer, decoder],
      summary: {
        codebook: {
          size: quantizer.size,
          dim: quantizer.dim,
          layers,
          ...(quantizer.combine === "sum" && { combine: quantizer.combine }),
          normalize: quantizer.normalize,
        },
        decoder: {
          ...transformerSummary(decoder),
          patchSize: decoder.patchSize,
          outputSize: decoder.grid * decoder.patchSize,
        },
      },
      graphs: {
        quantize: () => buildQuantizerGraph(quantizer),
        codebook: () => buildCodebookGraph(quantizer),
        decode: (settings: GraphSettings) => buildDecoderGraph(quantizer, decoder, settings),
      },
    } satisfies TokenizerParts;
    return vitModel(base, { spec, features }, { tokenizer, head });
  },
});

/** The encoder's part of the config, validated by its own architecture. */
function encoderOf(
  { encoder }: VqraeConfig,
  file: string,
): { readonly architecture: VitArchitecture; readonly vision: VisionConfig } {
  const { family: architecture, path } = familyOf(vitArchitectures, encoder, file, ["encoder"]);
  const vision = parseConfig(architecture.config, sectionAt(encoder, path), file, ["encoder", ...path]);
  return { architecture, vision };
}

/** The blocks that features and quantizer take, 1-based. */
function layersOf({ features, codebook }: VqraeConfig, { layers: count }: VisionConfig, file: FamilySource["file"]) {
  const layer = blockOf(features.layer, count, ["features", "layer"], file);
  const layers = codebook.layers.map((n, i) => blockOf(n, count, ["codebook", "layers", i], file));
  const ascending = layers.every((layer, i) => i === 0 || layer > (layers[i - 1] ?? 0));
  if (!ascending) throw invalidConfig("layers in ascending order", ["codebook", "layers"], file, codebook.layers);
  return { features: { layer, postNorm: features.postNorm }, layers };
}

/** The 1-based number of a block, where negative counts from the end: -1 is the last. */
function blockOf(layer: number, count: number, path: readonly PropertyKey[], file: string): number {
  const block = layer < 0 ? count + 1 + layer : layer;
  if (block >= 1 && block <= count) return block;
  throw invalidConfig(`a block from 1 to ${count} or from -${count} to -1`, path, file, layer);
}
