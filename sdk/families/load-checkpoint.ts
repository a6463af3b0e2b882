import { stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { expectedBut } from "../errors.ts";
import { isFile, readJsonObject } from "../files/read-file.ts";
import type { SquareImageSpec } from "../image/view-plan.ts";
import { resolveEncoder } from "../nn/vit/vit-tensors.ts";
import { openTensors } from "../weights/open-tensors.ts";
import { tensorLookup } from "../weights/tensor-lookup.ts";
import { familyOf } from "./all.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { EncoderFamily, VisionConfig } from "./family.ts";
import { invalidConfig, parseConfig } from "./fields/config-fields.ts";
import { readImageSpec } from "./image/preprocessor-config.ts";
import { readLicence } from "./licence.ts";
import { parseVqraeConfig } from "./vqrae/config.ts";
import { resolveDecoder, resolveQuantizer } from "./vqrae/tensors.ts";

/**
 * Reads and validates a checkpoint folder: a VQRAE, or an encoder alone as it comes from the hub. Weights are found
 * and checked for shape, never read.
 *
 * @throws CHECKPOINT_NOT_FOUND, INVALID_CONFIG or INVALID_CHECKPOINT; UNSUPPORTED for an encoder's unsupported variant
 */
export async function loadCheckpoint(folder: string): Promise<Checkpoint> {
  const root = resolve(folder);
  await requireFolder(root);
  const file = join(root, "config.json");
  const config = await readJsonObject(file, "INVALID_CONFIG");
  return config.model_type === "vqrae" ? loadVqrae(root, file, config) : loadEncoder(root, file, config);
}

async function loadVqrae(folder: string, file: string, json: Record<string, unknown>): Promise<Checkpoint> {
  const config = parseVqraeConfig(json, file);
  const { family, vision } = readVisionConfig(config.encoder, file, ["encoder"]);
  if (family.grids.kind === "native")
    throw invalidConfig(
      "an encoder with one grid for all images",
      ["encoder", "model_type"],
      file,
      config.encoder.model_type,
      "A VQRAE's decoder has a fixed grid: build it on a SigLIP2 of a fixed resolution (model_type siglip_vision_model).",
    );
  const { size, resizeTo = size } = config.image;
  // Without interpolated positions the pixels must be as many as the encoder was trained on.
  if (size !== vision.imageSize && family.grids.kind === "trained")
    throw invalidConfig(`${vision.imageSize}, the encoder's image_size,`, ["image", "size"], file, size);
  const image: SquareImageSpec = { ...config.image, resizeTo, background: null, tiling: null };
  const features = {
    layer: blockOf(config.features.layer, vision.layers, ["features", "layer"], file),
    postNorm: config.features.postNorm,
  };
  const layers = config.codebook.layers.map((n, i) => blockOf(n, vision.layers, ["codebook", "layers", i], file));
  if (layers.some((layer, i) => i > 0 && layer <= layers[i - 1]!)) {
    throw invalidConfig("layers in ascending order", ["codebook", "layers"], file, config.codebook.layers);
  }

  const tensors = tensorLookup(await openTensors(folder), folder);
  const encoder = resolveEncoder(family, vision, tensors.below("encoder."), image);
  if (features.postNorm && !encoder.finalNorm)
    throw invalidConfig("false for an encoder without a final norm", ["features", "postNorm"], file, true);
  return {
    modelId: basename(folder),
    folder,
    licence: await readLicence(folder),
    image,
    encoder,
    features,
    quantizer: resolveQuantizer(config, layers, encoder.hiddenSize, tensors),
    decoder: resolveDecoder(config, Math.floor(size / vision.patchSize), tensors),
    projector: null,
  };
}

async function loadEncoder(folder: string, file: string, json: Record<string, unknown>): Promise<Checkpoint> {
  const { family, vision } = readVisionConfig(json, file, []);
  const image = await readImageSpec(folder, { family, vision, config: json, file });
  return {
    modelId: basename(folder),
    folder,
    licence: await readLicence(folder),
    image,
    encoder: resolveEncoder(family, vision, tensorLookup(await openTensors(folder), folder), image),
    features: { layer: vision.layers, postNorm: vision.postNorm },
    quantizer: null,
    decoder: null,
    projector: null,
  };
}

/** Validates the Hugging Face config at `path` of `file` by the family that its `model_type` names. */
function readVisionConfig(
  config: Record<string, unknown>,
  file: string,
  path: readonly string[],
): { family: EncoderFamily; vision: VisionConfig } {
  const { family, path: inner } = familyOf(config, file, path);
  const section = inner.reduce<unknown>((outer, key) => (outer as Record<string, unknown> | undefined)?.[key], config);
  return { family, vision: parseConfig(family.config, section, file, [...path, ...inner]) };
}

/** The 1-based number of a block, where negative counts from the end: -1 is the last. */
function blockOf(layer: number, count: number, path: readonly PropertyKey[], file: string): number {
  const block = layer < 0 ? count + 1 + layer : layer;
  if (block >= 1 && block <= count) return block;
  throw invalidConfig(`a block from 1 to ${count} or from -${count} to -1`, path, file, layer);
}

async function requireFolder(folder: string): Promise<void> {
  const status = await stat(folder).catch(() => null);
  if (status?.isDirectory() && (await isFile(join(folder, "config.json")))) return;
  const received = status ? (status.isDirectory() ? "a folder without config.json" : "a file") : "nothing there";
  throw expectedBut(
    "CHECKPOINT_NOT_FOUND",
    "a folder with config.json",
    folder,
    received,
    "A checkpoint holds config.json and model.safetensors (or its shards and their index).",
  );
}
