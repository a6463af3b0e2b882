import { parentPort, workerData } from "node:worker_threads";
import { views } from "../image/views.ts";
import { codebook, codes, decode, encode, target, warmup } from "./jobs.ts";
import { buffersOf, type JobRequest, type JobResponse, type Jobs, toPlainError, type WorkerSetup } from "./protocol.ts";
import { importOnnxRuntime, Sessions } from "./sessions.ts";

/**
 * A worker thread: one request in, one response out. Inference and resizing live here because onnxruntime-node's `run`
 * blocks the thread that calls it.
 */
const setup = workerData as WorkerSetup;
const port = parentPort;
if (port === null) throw new Error("worker.ts runs as a worker thread only");

let sessions: Promise<Sessions> | undefined;

port.on("message", async (request: JobRequest) => {
  try {
    sessions ??= importOnnxRuntime().then((runtime) => new Sessions(runtime, setup));
    const { output, arrays } = await work(await sessions, request);
    port.postMessage({ ok: true, output } satisfies JobResponse, buffersOf(arrays));
  } catch (error) {
    port.postMessage({ ok: false, error: toPlainError(error) } satisfies JobResponse);
  }
});

/** Does the job, and lists the arrays of its output, which are handed over rather than copied. */
async function work(
  sessions: Sessions,
  request: JobRequest,
): Promise<{ output: Jobs[JobRequest["kind"]]["output"]; arrays: (ArrayBufferView | undefined)[] }> {
  switch (request.kind) {
    case "open":
      await sessions.open(request.input.graph);
      return { output: null, arrays: [] };
    case "warmup":
      await warmup(sessions, setup, request.input);
      return { output: null, arrays: [] };
    case "encode": {
      const output = await encode(sessions, setup, request.input);
      return { output, arrays: output.flatMap((image) => [image.features, image.classToken, image.ids]) };
    }
    case "codes":
      return { output: await codes(sessions, setup), arrays: [] };
    case "views": {
      const output = views(request.input.image, setup.image);
      return { output, arrays: output.map((image) => image.data) };
    }
    case "target": {
      const output = target(setup, request.input);
      return { output, arrays: [output.data] };
    }
    case "decode": {
      const output = await decode(sessions, request.input);
      return { output, arrays: output.map((image) => image.data) };
    }
    case "codebook": {
      const output = await codebook(sessions, request.input);
      return { output, arrays: [output] };
    }
  }
}
