import { isMainThread } from "node:worker_threads";

/**
 * The variable that keeps onnxruntime from sending telemetry: since 1.30 its first session reads the machine's id, writes
 * files below the user's cache and looks up a host on the network. A value that you set yourself stays.
 * (onnxruntime/core/platform/posix/telemetry.cc)
 */
export const telemetryOff = (): { ORT_DISABLE_TELEMETRY: string } => ({
  ORT_DISABLE_TELEMETRY: process.env.ORT_DISABLE_TELEMETRY ?? "1",
});

/**
 * Sets that variable for this process. onnxruntime reads it when it is loaded, so this comes before the first thread that
 * loads it. In a worker thread of yours `process.env` is a copy that native code does not see, and onnxruntime runs in a
 * process of its own, which is given the variable.
 */
export function disableTelemetry(): void {
  if (isMainThread) Object.assign(process.env, telemetryOff());
}
