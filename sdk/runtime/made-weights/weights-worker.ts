import { parentPort, workerData } from "node:worker_threads";
import { toPlainError } from "../pool/protocol.ts";
import { forms, type WeightsWorkerMessage, type WeightsWorkerSetup } from "./forms.ts";
import { WeightsCache } from "./weights-cache.ts";

/** A worker thread that makes a form of one model's weights: hashing and rounding a billion weights would stop the event loop. */
const { weights, form, folder } = workerData as WeightsWorkerSetup;
const port = parentPort;
if (port === null) throw new Error("weights-worker.ts runs as a worker thread only");

const tell = (message: WeightsWorkerMessage) => port.postMessage(message);
let stopped = false;
port.once("message", () => {
  stopped = true;
});

try {
  const made = await new WeightsCache(folder, forms[form]).make(weights, (done) => {
    if (stopped) throw new Error("stopped");
    tell({ done });
  });
  tell({ made });
} catch (error) {
  tell({ error: toPlainError(error) });
} finally {
  port.close();
}
