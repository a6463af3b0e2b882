import { join, resolve } from "node:path";
import {
  enqueueShards,
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
import { expectedBut, isPackagedCheckpoint, setFields } from "../../sdk/kit.ts";
import { defineCommand } from "../command/command.ts";
import { anyArguments, flag, option, type Values } from "../command/option.ts";
import { text, wholeNumber } from "../command/value-types.ts";
import { json, tokenizerOptions } from "../shared/model-options.ts";
import { printResult } from "../shared/print-result.ts";
import { type Progress, withProgress } from "../shared/progress.ts";
import { inBytes, timeLeft } from "../shared/pull-progress.ts";
import { say } from "../shared/terminal.ts";
import {
  inputOptions,
  inputSettings,
  openEncoder,
  queueOptions,
  rowOptions,
  rowSettings,
  stopSignal,
  workersOption,
} from "./dataset-options.ts";

const options = {
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
  ...queueOptions,
  ...rowOptions,
  ...inputOptions,
  ...tokenizerOptions,
  ...workersOption,
  json,
};

export const tokenize = defineCommand({
  arguments: { inputs: anyArguments("Tars (webdataset), parquet files with images, or folders") },
  options,
  notes: [
    "A shard of tokens is a parquet file with a row for each image: key, sha256, width, height, grid, ids; or error.",
    "Run the same command again to go on after a stop of any kind: shards that are done are passed over.",
  ],
  examples: [
    "vqrae tokenize data/*.tar --out tokens/",
    "vqrae tokenize --status --out tokens/",
    "# LlamaGen's ten crops, and arrays to memory-map",
    "vqrae tokenize data/*.tar --out tokens/ --crops ten --npy",
    "# many machines: put the shards into a queue, and start a worker on each",
    "vqrae tokenize data/*.tar --out tokens/ --queue redis://queue-host:6379",
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
    if (args.queue !== undefined) {
      const put = await withProgress(args, (progress) => enqueue(args.queue ?? "", inputs, out, args, progress));
      printResult(json, { out, ...put }, () => [
        `${out}: ${count(put.enqueued, "shard")} put into the queue, ${put.done} done before; start \`vqrae worker\` on each machine`,
      ]);
      return;
    }
    const all = await findShards(inputs, inputSettings(args));
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
      `${out}: ${count(counts.written, "shard")} written, ${counts.skipped} done before; ` +
        `${count(counts.images, "image")} in ${counts.seconds.toFixed(1)} s, ${withErrors(out, counts.errors)}`,
      ...dead.map(({ shard, message }) => `failed: ${shard}: ${message}`),
    ]);
    if (dead.length > 0) process.exitCode = 1;
  },
});

/** Puts the shards into the queue that workers on other machines take them from. */
async function enqueue(
  url: string,
  paths: readonly string[],
  output: string,
  args: Omit<Values<typeof options>, "out" | "status" | "json">,
  progress: Progress,
): Promise<{ enqueued: number; done: number }> {
  const { encoder, model } = await openEncoder({ ...args, workers: 1 }, progress);
  try {
    const source = isPackagedCheckpoint(args.model) ? args.model : resolve(args.model);
    const rows = rowSettings(args);
    if (args.features !== undefined) sayFeatureSize(estimateBytes(1, { encoder, model, ...rows }));
    return await enqueueShards({
      url,
      ...setFields({ queue: args.queueName }),
      paths,
      inputs: inputSettings(args),
      output,
      model: { source, ...setFields({ precision: args.precision }) },
      rows,
      spec: { encoder, model },
    });
  } finally {
    await encoder.dispose();
  }
}

const sayFeatureSize = (bytes: number): void =>
  say(`features and ids take up to ${inBytes(bytes)} an image: ${inBytes(bytes * 1e6)} a million images`);

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? "" : "s"}`;

const withErrors = (out: string, errors: number): string =>
  `${count(errors, "row")} with an error${errors === 0 ? "" : ` (see ${join(out, "dead")})`}`;

const progressLine = ({ shards, done, failed, images, imagesPerSecond }: RunProgress): string =>
  `${done} of ${shards} shards${failed > 0 ? `, ${failed} failed` : ""}, ${images} images, ` +
  `${imagesPerSecond.toFixed(1)} images/s`;

function statusLines(out: string, status: Status): string[] {
  const { shards, done, running, dead, images, errors, imagesPerSecond, secondsLeft } = status;
  const left = secondsLeft === null ? "" : `, ${timeLeft(secondsLeft)} left`;
  return [
    `${out}: ${done} of ${shards} shards done, ${running} running, ${dead.length} dead`,
    `  ${count(images, "image")}, ${withErrors(out, errors)}`,
    ...(running === 0 ? [] : [`  ${imagesPerSecond.toFixed(1)} images/s${left}`]),
    ...dead.map(({ shard, message }) => `  dead: ${shard}: ${message}`),
  ];
}
