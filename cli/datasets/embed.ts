import { buildImageIndex, findShards } from "../../adapters/datasets/index.ts";
import { expectedBut, setFields } from "../../sdk/kit.ts";
import { defineCommand } from "../command/command.ts";
import { manyArguments, option } from "../command/option.ts";
import { text } from "../command/value-types.ts";
import { json, tokenizerOptions } from "../shared/model-options.ts";
import { checkOutput } from "../shared/output-file.ts";
import { printResult } from "../shared/print-result.ts";
import { withProgress } from "../shared/progress.ts";
import { inputOptions, inputSettings, openEncoder, stopSignal, workersOption } from "./dataset-options.ts";

export const embed = defineCommand({
  arguments: { inputs: manyArguments("Folders, tars (webdataset) or parquet files with images") },
  options: {
    out: option(text("file"), "The index to write, a .parquet file"),
    ...inputOptions,
    ...tokenizerOptions,
    ...workersOption,
    json,
  },
  notes: ["The index has a vector of each image: the encoder's class token, or the mean of its tokens, at length 1."],
  examples: ["vqrae embed photos/ --out index.parquet", "vqrae search index.parquet photo.jpg"],
  async run({ inputs, out, json, ...args }) {
    if (out === undefined) throw expectedBut("INVALID_ARGUMENT", "a .parquet file", "--out", "nothing");
    await checkOutput(out, [".parquet"], inputs);
    const shards = await findShards(inputs, inputSettings(args));
    const { vectors, errors, seconds } = await withProgress(args, async (progress) => {
      const { encoder, model } = await openEncoder(args, progress);
      try {
        return await buildImageIndex(shards, out, {
          encoder,
          model,
          ...setFields({ maxPixels: args.maxPixels }),
          signal: stopSignal(),
          onProgress: ({ images, imagesPerSecond }) =>
            progress.say(`${images} images, ${imagesPerSecond.toFixed(1)} images/s`),
        });
      } finally {
        await encoder.dispose();
      }
    });
    printResult(json, { out, images: vectors, errors, seconds }, () => [
      `${out}: ${vectors} images in ${seconds.toFixed(1)} s, ${errors} that could not be read`,
    ]);
  },
});
