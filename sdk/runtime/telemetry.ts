import { isMainThread } from "node:worker_threads";

/**
 * Keeps onnxruntime from sending telemetry: since 1.30 its first session reads the machine's id, writes files below the
 * user's cache and looks up a host on the network. It reads the process's environment when it is loaded, so this comes before
 * the first thread or process that loads it. A value that you set yourself stays. In a worker thread of yours `process.env`
 * is a copy that native code does not see: set the variable where you start the process.
 * (onnxruntime/core/platform/posix/telemetry.cc)
 */
export function disableTelemetry(): void {
  if (isMainThread) process.env.ORT_DISABLE_TELEMETRY ??= "1";
}
