import { setTimeout as wait } from "node:timers/promises";
import { runQueueWorker } from "../../../adapters/datasets/index.ts";
import { mockTokenizer } from "../../../sdk/testing/index.ts";

/** A worker of its own process: `node queue-worker-process.ts <redis url> <lock ms> <delay ms of each image>`. */
const [url = "", lockMs = "", delayMs = ""] = process.argv.slice(2);
const stop = new AbortController();
process.once("SIGTERM", () => stop.abort(new Error("stopped")));

await runQueueWorker({
  url,
  lockMs: Number(lockMs),
  untilEmpty: true,
  signal: stop.signal,
  open: async () => ({
    encoder: mockTokenizer({ grid: { rows: 3, columns: 2 }, onCall: () => wait(Number(delayMs)) }),
    model: "the mock",
  }),
  onEvent: (event) => process.stdout.write(`${JSON.stringify(event)}\n`),
});
