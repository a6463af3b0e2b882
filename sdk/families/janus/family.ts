import type { Projector } from "../../contract/projector.ts";
import { isObject } from "../../files/read-file.ts";
import type { GraphSettings } from "../../nn/onnx/graph-builder.ts";
import type { TensorLookup } from "../../weights/tensor-lookup.ts";
import { defineFamily, type FamilySource } from "../family.ts";
import { activationName } from "../fields/activations.ts";
import { invalidConfig, looseSection, parseConfig } from "../fields/config-fields.ts";
import type { Model } from "../model.ts";
import { vitModel } from "../vit/vit-model.ts";
import { resolveEncoder } from "../vit/vit-tensors.ts";
import { janusVqgan } from "../vqgan/family.ts";
import { deepseekNotice, vqganVariant } from "../vqgan/variants.ts";
import { buildIdEmbedder, buildIdPredictor, resolveIdHead } from "./id-head.ts";
import { janusTower } from "./tower.ts";

/** The head's activation, which both of its parts have. */
const headConfig = looseSection({ hidden_act: activationName.default("gelu") });

/**
 * Janus and Janus-Pro whole, in transformers' files (transformers/models/janus): the image tokenizer, which has ids and pixels;
 * the layers that bring ids to the language model and predict them; and, where a projector is given, the tower that sees for it.
 */
export const janus = defineFamily({
  modelTypes: { janus: ["vq_config"] },
  config: janusVqgan.config,
  image: janusVqgan.image,
  async read(config, tensors, base, source) {
    const told = { ...base, licence: base.licence ?? vqganVariant("janus").licence, notice: deepseekNotice };
    const tokenizer = await janusVqgan.read(config, tensors, told, source);
    return withTower(withIdHead(tokenizer, tensors, source), tensors, source);
  },
});

function withIdHead(tokenizer: Model, tensors: TensorLookup, { file, json, path }: FamilySource): Model {
  const { size = 0, dim = 0 } = tokenizer.codebook ?? {};
  const head = resolveIdHead(tensors, size, dim);
  if (head === null) return tokenizer;
  const { hidden_act: activation } = parseConfig(headConfig, json.vq_config, file, path);
  if (activation !== "gelu") throw invalidConfig('"gelu"', [...path, "hidden_act"], file, activation);
  return {
    ...tokenizer,
    idHead: { width: head.width, codebookSize: size },
    weights: { ...tokenizer.weights, others: [...tokenizer.weights.others, head] },
    graphs: {
      ...tokenizer.graphs,
      embedIds: () => buildIdEmbedder(head),
      predictIds: () => buildIdPredictor(head),
    },
  };
}

/** The same with the tower behind `withProjector`. A checkpoint without one refuses projectors, as the tokenizer does. */
function withTower(tokenizer: Model, tensors: TensorLookup, { file, json }: FamilySource): Model {
  const model: Model = {
    ...tokenizer,
    selectFeatures(asked) {
      tokenizer.selectFeatures(asked);
      return model;
    },
    withProjector(projector) {
      if (!isObject(json.vision_config)) return tokenizer.withProjector(projector);
      return withSight(tokenizer, towerOf(tokenizer, tensors, json.vision_config, file), projector);
    },
  };
  return model;
}

function towerOf(tokenizer: Model, tensors: TensorLookup, section: unknown, file: string): Model {
  const vision = parseConfig(janusTower.config, section, file, ["vision_config"]);
  const { image } = tokenizer;
  const side = image.geometry === "native" ? null : image.size;
  if (vision.imageSize !== side) {
    const what = `${side}, as the image tokenizer and the processor have,`;
    throw invalidConfig(what, ["vision_config", "image_size"], file, vision.imageSize);
  }
  const spec = resolveEncoder(janusTower, vision, tensors, image);
  return vitModel(tokenizer, { spec, features: { layer: vision.layers, postNorm: vision.postNorm } });
}

/** The tokenizer, whose `embed` is the tower's and the projector's. */
function withSight(tokenizer: Model, tower: Model, projector: Projector): Model {
  const seeing = tower.withProjector(projector);
  const { encode } = tokenizer.graphs;
  const { project } = seeing.graphs;
  type Weights = { readonly tokenizer: object; readonly tower: object };
  const model: Model = {
    ...tokenizer,
    projector: seeing.projector,
    weights: {
      encoder: { tokenizer: tokenizer.weights.encoder, tower: seeing.weights.encoder } satisfies Weights,
      others: [...tokenizer.weights.others, ...seeing.weights.others],
    },
    graphs: {
      ...tokenizer.graphs,
      encode: { ...encode, build: (own: Weights, settings: GraphSettings) => encode.build(own.tokenizer, settings) },
      ...(project && {
        project: {
          ...project,
          patchSize: tower.encoder.patchSize,
          build: (own: Weights, settings: GraphSettings) => project.build(own.tower, settings),
        },
      }),
    },
    selectFeatures(asked) {
      tokenizer.selectFeatures(asked);
      return model;
    },
    withProjector: (other) => withSight(tokenizer, tower, other),
  };
  return model;
}
