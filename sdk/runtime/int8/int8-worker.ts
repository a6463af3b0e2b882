import { parentPort, workerData } from "node:worker_threads";
import { toPlainError } from "../pool/protocol.ts";
import { Int8Cache } from "./int8-cache.ts";
import type { Int8WorkerMessage, Int8WorkerSetup } from "./make-int8.ts";

/** A worker thread that makes one model's int8 weights: hashing and rounding a billion weights would stop the event loop. */
const { weights, folder } = workerData as Int8WorkerSetup;
const port = parentPort;
if (port === null) throw new Error("int8-worker.ts runs as a worker thread only");

const tell = (message: Int8WorkerMessage) => port.postMessage(message);
let stopped = false;
port.once("message", () => {
  stopped = true;
});

try {
  const made = await new Int8Cache(folder).make(weights, (groupsDone) => {
    if (stopped) throw new Error("stopped");
    tell({ groupsDone });
  });
  tell({ made });
} catch (error) {
  tell({ error: toPlainError(error) });
} finally {
  port.close();
}
