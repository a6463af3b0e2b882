import { createHash } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import * as z from "zod";
import { type Encoder, idsPerImage } from "../../sdk/index.ts";
import { expectedBut, findCheckpoint, option, parseOptions } from "../../sdk/kit.ts";
import { CROPS, type Crops, VIEWS } from "./crops.ts";
import { fromDisk, hashFile } from "./inputs/files.ts";
import type { RowSize } from "./outputs/parquet-file.ts";

/** What `tokenizeShard` makes of a shard. */
export interface TokenizeOptions {
  /** Any tokenizer, or an encoder alone. */
  readonly encoder: Encoder;
  /** What tells the model from another one: `modelHash` makes it of a checkpoint's files. */
  readonly model: string;
  /** Which views of an image are encoded (default "none": the whole image, as the tokenizer itself prepares it). */
  readonly crops?: Crops;
  /** Side of the square that `crops: "ten"` cuts, by that of the encoder's input (default 1.1, LlamaGen's). */
  readonly cropRange?: number;
  /** Write ids (default: where the encoder has a codebook). */
  readonly ids?: boolean;
  /**
   * Write features in 16 bits: "pooled" is one vector a view (the class token, else the mean), "whole" one a token, which is
   * large: `estimateBytes` says how large.
   */
  readonly features?: "pooled" | "whole";
  /** Write a webdataset tar with `<key>.ids.npy` beside each shard (default false). */
  readonly tar?: boolean;
  /** Write the ids of each shard as one array, for memory mapping (default false). */
  readonly npy?: boolean;
  /** Most pixels of an image; a larger one becomes a row with an error (default 100 megapixels). */
  readonly maxPixels?: number;
  /** Images that one call of the encoder gets (default 32). Rows do not depend on it. */
  readonly batchSize?: number;
  /** Called with the images that are done, as they are. */
  readonly onProgress?: (images: number) => void;
  /** Acts between images and between batches. Nothing of a shard that is stopped is left. */
  readonly signal?: AbortSignal;
}

const schema = z.strictObject({
  encoder: option.custom<Encoder>(
    "an encoder",
    (value) => typeof value === "object" && value !== null && "encode" in value && "info" in value,
  ),
  model: option.text("what modelHash gives"),
  crops: option.oneOf(...CROPS),
  cropRange: option.number("a number from 1 to 4", (value) => value >= 1 && value <= 4),
  ids: option.flag,
  features: option.oneOf("pooled", "whole"),
  tar: option.flag,
  npy: option.flag,
  maxPixels: option.integer(1),
  batchSize: option.integer(1, 4096),
  onProgress: option.callback<(images: number) => void>(),
  signal: option.signal,
});

/** The options with their defaults, and what identifies them. */
export interface TokenizeSpec {
  readonly encoder: Encoder;
  readonly model: { readonly id: string; readonly sha256: string };
  /** All that a row depends on besides its image and the model. */
  readonly settings: Settings;
  readonly batchSize: number;
  readonly onProgress: (images: number) => void;
  readonly signal: AbortSignal | undefined;
}

export interface Settings {
  readonly crops: Crops;
  readonly cropRange: number;
  readonly ids: boolean;
  readonly features: "pooled" | "whole" | null;
  readonly tar: boolean;
  readonly npy: boolean;
  readonly maxPixels: number | null;
  readonly device: string;
  readonly precision: string;
}

/** @throws INVALID_ARGUMENT, UNSUPPORTED for ids of an encoder without a codebook, and the like */
export function tokenizeSpec(options: TokenizeOptions): TokenizeSpec {
  const given = parseOptions(schema, options, "tokenizeShard");
  const { encoder, model, crops = "none", cropRange = 1.1, features = null, tar = false, npy = false } = given;
  if (encoder === undefined || model === undefined) {
    const missing = encoder === undefined ? "an encoder" : "what modelHash gives";
    throw expectedBut("INVALID_ARGUMENT", missing, "the options of tokenizeShard", "nothing");
  }
  const { modelId, codebook, featureDim, grid, device, precision } = encoder.info;
  const { ids = codebook !== null } = given;
  const refuse = (wanted: string, subject: string, received = `${modelId}, which has none`) => {
    throw expectedBut("UNSUPPORTED", wanted, subject, received);
  };
  if (codebook === null && (ids || tar || npy)) refuse("a tokenizer with a codebook", "ids of a data set");
  if (featureDim === null && features !== null) refuse("a tokenizer with features", "features of a data set");
  if (!ids && (tar || npy)) refuse("ids", "tar and npy", "ids: false");
  if (!ids && features === null) refuse("ids or features", "a data set", "neither");
  if (grid === null && npy) refuse("a grid of one size", "npy", `${modelId}, whose images have grids of their own`);
  const maxPixels = given.maxPixels ?? null;
  return {
    encoder,
    model: { id: modelId, sha256: model },
    settings: { crops, cropRange, ids, features, tar, npy, maxPixels, device, precision },
    batchSize: given.batchSize ?? 32,
    onProgress: given.onProgress ?? (() => {}),
    signal: given.signal,
  };
}

/** The hash of the settings, whatever the order of their fields. */
export const settingsHash = (settings: Settings): string =>
  createHash("sha256")
    .update(JSON.stringify(Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1))))
    .digest("hex");

/** Ids and features of one image, at most. */
export function rowSize({ encoder, settings: { crops, ids, features } }: TokenizeSpec): RowSize {
  const { maxTokens, featureDim, codebook } = encoder.info;
  const idBytes = codebook === null || codebook.size <= 2 ** 8 ? 1 : codebook.size <= 2 ** 16 ? 2 : 4;
  const count = ids && codebook ? idsPerImage(codebook, { rows: 1, columns: maxTokens }) : 0;
  const vectors = features === null ? 0 : features === "pooled" ? 1 : maxTokens;
  const dims = featureDim ?? 0;
  return {
    numbers: VIEWS[crops] * (count + (features === "pooled" ? dims : 0)),
    bytes: VIEWS[crops] * (count * idBytes + vectors * dims * 2),
  };
}

/** Bytes that a data set of so many images takes at most, before compression. */
export const estimateBytes = (images: number, options: TokenizeOptions): number =>
  images * (rowSize(tokenizeSpec(options)).bytes + ROW_OVERHEAD);

/** Key, hash and sizes. */
const ROW_OVERHEAD = 100;

/** What a model's numbers come from. */
const MODEL_FILE = /\.(json|safetensors|bin|pt|pth|ckpt|gguf|onnx)$/i;

/**
 * SHA-256 over the names and contents of a checkpoint's files: its configs and weights.
 * @param source as `VQRAE.load` takes it: a folder, an mmproj file, or "default"
 * @throws CHECKPOINT_NOT_FOUND, IO_ERROR
 */
export async function modelHash(source: string): Promise<string> {
  const path = await findCheckpoint(source);
  const isFolder = (await fromDisk(path, () => stat(path))).isDirectory();
  const [folder, names] = isFolder ? [path, await modelFiles(path)] : [dirname(path), [basename(path)]];
  const hash = createHash("sha256");
  for (const name of names) hash.update(`${name} ${await hashFile(join(folder, name))}\n`);
  return hash.digest("hex");
}

const modelFiles = async (folder: string): Promise<string[]> =>
  (await fromDisk(folder, () => readdir(folder))).filter((name) => MODEL_FILE.test(name)).sort();
