import { type QueueWorkerEvent, runQueueWorker } from "../../adapters/datasets/index.ts";
import { expectedBut, setFields } from "../../sdk/kit.ts";
import { defineCommand } from "../command/command.ts";
import { flag } from "../command/option.ts";
import { loadOptions } from "../shared/model-options.ts";
import { withProgress } from "../shared/progress.ts";
import { say } from "../shared/terminal.ts";
import { openEncoder, queueOptions, stopSignal, workersOption } from "./dataset-options.ts";

export const worker = defineCommand({
  arguments: {},
  options: {
    ...queueOptions,
    untilEmpty: flag("End when the queue is empty, instead of waiting for more"),
    ...workersOption,
    cacheDir: loadOptions.cacheDir,
    verbose: loadOptions.verbose,
  },
  notes: [
    "Start one on each machine. It needs no port, and sees the inputs and the output at the paths that were enqueued.",
    "Ctrl-C or SIGTERM gives its shards back at once. A worker that is killed loses them after two minutes.",
  ],
  examples: [
    "vqrae worker --queue redis://queue-host:6379",
    "vqrae worker --queue redis://queue-host:6379 --until-empty",
  ],
  async run({ queue, queueName, untilEmpty, workers, batchSize, cacheDir, verbose }) {
    if (queue === undefined)
      throw expectedBut("INVALID_ARGUMENT", "the address of Redis or Valkey", "--queue", "nothing");
    await withProgress({ verbose }, async (progress) => {
      await runQueueWorker({
        url: queue,
        ...setFields({ queue: queueName }),
        untilEmpty,
        signal: stopSignal(),
        open: ({ source, precision }) =>
          openEncoder(
            { model: source, precision, cacheDir, maxPixels: undefined, workers, batchSize, verbose },
            progress,
          ),
        onEvent: (event) => (event.type === "progress" ? progress.say(lineOf(event)) : say(lineOf(event))),
      });
    });
  },
});

function lineOf(event: QueueWorkerEvent): string {
  switch (event.type) {
    case "progress":
      return `${event.shard}: ${event.images} images`;
    case "shard":
      return `${event.shard}: ${event.images} images, ${event.state === "written" ? "written" : "done before"}`;
    case "merged":
      return `${event.output}: manifest merged, ${event.complete ? "complete" : "shards are missing"}`;
    case "failed":
      return `${event.shard}: ${event.message}`;
    case "queue":
      return `queue: ${event.message}`;
  }
}
