import { availableParallelism } from "node:os";
import { CROPS, type InputOptions, modelHash, type TokenizeOptions } from "../../adapters/datasets/index.ts";
import { VQRAE } from "../../sdk/index.ts";
import { setFields } from "../../sdk/kit.ts";
import { flag, option, type Values } from "../command/option.ts";
import { number, oneOf, text, wholeNumber } from "../command/value-types.ts";
import { loadReport } from "../shared/load-report.ts";
import { tokenizerOptions } from "../shared/model-options.ts";
import type { Progress } from "../shared/progress.ts";

/** How inputs are read. */
export const inputOptions = {
  shardSize: option(wholeNumber("count", { least: 1 }), "Files of a folder that make one shard", {
    shownDefault: "10000",
  }),
  imageColumn: option(text("name"), "The parquet column with the image", { shownDefault: "image, jpg, png, ..." }),
  keyColumn: option(text("name"), "The parquet column with the key", { shownDefault: "__key__, key, id, ..." }),
};

export const inputSettings = ({ shardSize, imageColumn, keyColumn }: Values<typeof inputOptions>): InputOptions =>
  setFields({ shardSize, imageColumn, keyColumn });

/** What a data set's rows hold. */
export const rowOptions = {
  crops: option(oneOf(...CROPS), "Views of an image: flip and ten are LlamaGen's", { default: "none" }),
  cropRange: option(number("ratio"), "Side of the square that ten crops are cut of", { shownDefault: "1.1" }),
  features: option(oneOf("pooled", "whole"), "Write features too, in 16 bits: one vector an image, or one a token"),
  tar: flag("Write a webdataset tar with <key>.ids.npy beside each shard"),
  npy: flag("Write the ids of each shard as one .npy array"),
};

export const workersOption = {
  workers: option(wholeNumber("count", { least: 1, most: 256 }), "Encoder threads", { shownDefault: "the cores" }),
  batchSize: option(wholeNumber("count", { least: 1, most: 256 }), "Images in one run of the encoder", {
    shownDefault: "8",
  }),
};

export const queueOptions = {
  queue: option(text("url"), "Redis or Valkey, such as redis://host:6379"),
  queueName: option(text("name"), "The queue's name there", { shownDefault: "vqrae-tokenize" }),
};

const loading = { ...tokenizerOptions, ...workersOption };

/** Loads the tokenizer and hashes its files. Its caller disposes it. */
export async function openEncoder(
  { model, precision, cacheDir, maxPixels, workers = availableParallelism(), batchSize }: Values<typeof loading>,
  progress: Progress,
): Promise<{ readonly encoder: VQRAE; readonly model: string }> {
  const hash = await modelHash(model);
  const encoder = await VQRAE.load(model, {
    workers,
    ...setFields({ precision, cacheDir, maxPixels, batchSize }),
    onProgress: loadReport(progress, model),
  });
  return { encoder, model: hash };
}

/** The options of `tokenizeShard` that say what a row holds. */
export const rowSettings = ({
  crops,
  cropRange,
  features,
  tar,
  npy,
  maxPixels,
}: Values<typeof rowOptions> & { readonly maxPixels: number | undefined }): Omit<
  TokenizeOptions,
  "encoder" | "model"
> => ({
  crops,
  tar,
  npy,
  ...setFields({ cropRange, features, maxPixels }),
});

/** A signal that Ctrl-C and a scheduler's SIGTERM abort; a second one ends the process at once. */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  const stop = (): void => controller.abort(new Error("stopped: run the same command to go on"));
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  return controller.signal;
}
