import {
  estimateBytes,
  findShards,
  findSlice,
  type RunProgress,
  readStatus,
  runShards,
  type Status,
  takeSlice,
} from "../../adapters/datasets/index.ts";
import { VqraeError } from "../../sdk/index.ts";
import { expectedBut, setFields } from "../../sdk/kit.ts";
import { defineCommand } from "../command/command.ts";
import { anyArguments, flag, option } from "../command/option.ts";
import { text, wholeNumber } from "../command/value-types.ts";
import { json, tokenizerOptions } from "../shared/model-options.ts";
import { printResult } from "../shared/print-result.ts";
import { withProgress } from "../shared/progress.ts";
import { inBytes, timeLeft } from "../shared/pull-progress.ts";
import { say } from "../shared/terminal.ts";
import { inputOptions, openEncoder, rowOptions, rowSettings, stopSignal, workersOption } from "./dataset-options.ts";

export const tokenize = defineCommand({
  arguments: { inputs: anyArguments("Tars (webdataset), parquet files with images, or folders") },
  options: {
    out: option(text("folder"), "The folder of the shards of tokens"),
    status: flag("Show how far the folder is, and do nothing"),
    index: option(
      wholeNumber("i"),
      "Take every n-th shard from number i, with --of. SLURM arrays say both by themselves",
      {
        shownDefault: "SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX",
      },
    ),
    of: option(wholeNumber("n", { least: 1 }), "Into how many parts the shards are divided"),
    ...rowOptions,
    ...inputOptions,
    ...tokenizerOptions,
    ...workersOption,
    json,
  },
  notes: [
    "A shard of tokens is a parquet file with a row for each image: key, sha256, width, height, grid, ids; or error.",
    "Run the same command again to go on after a stop of any kind: shards that are done are passed over.",
  ],
  examples: [
    "vqrae tokenize data/*.tar --out tokens/",
    "vqrae tokenize --status --out tokens/",
    "# LlamaGen's ten crops, and arrays to memory-map",
    "vqrae tokenize data/*.tar --out tokens/ --crops ten --npy",
    "# one part of eight, on each machine another",
    "vqrae tokenize data/*.tar --out tokens/ --index 0 --of 8",
  ],
  async run({ inputs, out, status, json, ...args }) {
    if (out === undefined) throw expectedBut("INVALID_ARGUMENT", "a folder", "--out", "nothing");
    if (status) {
      const found = await readStatus(out);
      printResult(json, found, () => statusLines(out, found));
      return;
    }
    if (inputs.length === 0) throw expectedBut("INVALID_ARGUMENT", "tars, parquet files or folders", "inputs", "none");
    const all = await findShards(inputs, setFields(args));
    const slice = findSlice(args, process.env);
    const shards = slice === null ? all : takeSlice(all, slice);
    const summary = await withProgress(args, async (progress) => {
      const { encoder, model } = await openEncoder(args, progress);
      try {
        const options = { encoder, model, ...rowSettings(args), signal: stopSignal() };
        if (args.features !== undefined) sayFeatureSize(estimateBytes(1, options));
        return await runShards(shards, out, { ...options, onProgress: (now) => progress.say(progressLine(now)) });
      } finally {
        await encoder.dispose();
      }
    });
    const { failed, ...counts } = summary;
    const dead = failed.map(({ shard, error }) => ({
      shard,
      code: VqraeError.isInstance(error) ? error.code : "RUNTIME",
      message: error instanceof Error ? error.message : String(error),
    }));
    printResult(json, { out, ...counts, failed: dead }, () => [
      `${out}: ${counts.written} shards written, ${counts.skipped} were done before; ` +
        `${counts.images} images in ${counts.seconds.toFixed(1)} s, ${counts.errors} rows with an error`,
      ...dead.map(({ shard, message }) => `failed: ${shard}: ${message}`),
    ]);
    if (dead.length > 0) process.exitCode = 1;
  },
});

const sayFeatureSize = (bytes: number): void =>
  say(`features and ids take up to ${inBytes(bytes)} an image: ${inBytes(bytes * 1e6)} a million images`);

const progressLine = ({ shards, done, failed, images, imagesPerSecond }: RunProgress): string =>
  `${done} of ${shards} shards${failed > 0 ? `, ${failed} failed` : ""}, ${images} images, ` +
  `${imagesPerSecond.toFixed(1)} images/s`;

function statusLines(out: string, status: Status): string[] {
  const { shards, done, running, dead, images, errors, imagesPerSecond, secondsLeft } = status;
  return [
    `${out}: ${done} of ${shards} shards done, ${running} running, ${dead.length} dead`,
    `  ${images} images, ${errors} rows with an error`,
    `  ${imagesPerSecond.toFixed(1)} images/s${secondsLeft === null ? "" : `, ${timeLeft(secondsLeft)} left`}`,
    ...dead.map(({ shard, message }) => `  dead: ${shard}: ${message}`),
  ];
}
