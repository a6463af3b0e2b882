import { join } from "node:path";
import { searchImages } from "../../adapters/datasets/index.ts";
import { defineCommand } from "../command/command.ts";
import { argument, option } from "../command/option.ts";
import { wholeNumber } from "../command/value-types.ts";
import { imageArgument, OR_STDIN } from "../shared/image-argument.ts";
import { json, tokenizerOptions } from "../shared/model-options.ts";
import { printResult } from "../shared/print-result.ts";
import { withProgress } from "../shared/progress.ts";
import { openEncoder } from "./dataset-options.ts";

export const search = defineCommand({
  arguments: {
    index: argument("The index that vqrae embed wrote"),
    image: argument(`The image to look for${OR_STDIN}`),
  },
  options: {
    top: option(wholeNumber("count", { least: 1 }), "How many images to show", { default: 10 }),
    ...tokenizerOptions,
    json,
  },
  examples: ["vqrae search index.parquet photo.jpg", "vqrae search index.parquet photo.jpg --top 3 --json"],
  async run({ index, image, top, json, ...args }) {
    const hits = await withProgress(args, async (progress) => {
      const { encoder, model } = await openEncoder({ ...args, workers: 1, batchSize: undefined }, progress);
      try {
        return await searchImages(index, imageArgument(image), { encoder, model, count: top });
      } finally {
        await encoder.dispose();
      }
    });
    printResult(json, { index, image, hits }, () =>
      hits.map(({ similarity, source, key }) => `${similarity.toFixed(4)}  ${join(source, key)}`),
    );
  },
});
