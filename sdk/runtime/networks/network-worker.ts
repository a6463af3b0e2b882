import type { InferenceSession } from "onnxruntime-node";
import { expected, expectedBut } from "../../errors.ts";
import { reason } from "../devices/providers.ts";
import { threadSetup, uninterrupted } from "../pool/exit-guard.ts";
import { serveJobs } from "../pool/serve-jobs.ts";
import { importOnnxRuntime, LOG_ERRORS } from "../sessions/sessions.ts";
import type { NetworkJobs, NetworkSetup } from "./network-jobs.ts";

/** A worker thread that runs one ONNX file of the user's. */
const { path, outputs, threads } = threadSetup<NetworkSetup>();

let opened: Promise<InferenceSession> | undefined;

async function open(): Promise<InferenceSession> {
  const runtime = await uninterrupted(() => importOnnxRuntime());
  const options = { executionProviders: ["cpu"], intraOpNumThreads: threads, logSeverityLevel: LOG_ERRORS } as const;
  const create = () => runtime.InferenceSession.create(path, options);
  const session = await uninterrupted(create).catch((cause: unknown) => {
    const failure = `onnxruntime's error: ${reason(cause)}`;
    throw expectedBut("INVALID_CHECKPOINT", "a readable ONNX network", path, failure, { cause });
  });
  if (session.inputNames.length !== 1) {
    throw expected("INVALID_CHECKPOINT", "one input, the pixels", path, session.inputNames);
  }
  const missing = outputs.find((name) => !session.outputNames.includes(name));
  if (missing !== undefined) {
    throw expectedBut("INVALID_CHECKPOINT", `an output "${missing}"`, path, session.outputNames.join(", "));
  }
  return session;
}

serveJobs<NetworkJobs>({
  async open() {
    await (opened ??= open());
    return { output: null };
  },
  async run({ data, dims }) {
    const session = await (opened ??= open());
    const { Tensor } = await importOnnxRuntime();
    try {
      const feeds = { [session.inputNames[0]!]: new Tensor("float32", data, dims) };
      const results = await uninterrupted(() => session.run(feeds, [...outputs]));
      const output = outputs.map((name) => ({
        data: new Float32Array(results[name]!.data as Float32Array),
        dims: results[name]!.dims,
      }));
      return { output, arrays: output.map((array) => array.data) };
    } catch (cause) {
      const failure = `onnxruntime's error: ${reason(cause)}`;
      const subject = `${path} with [${dims.join(", ")}] pixels`;
      throw expectedBut("RUNTIME", "a finished run", subject, failure, { cause });
    }
  },
});
