import { parentPort } from "node:worker_threads";
import { buffersOf, type JobRequest, type JobResponse, type JobTable, toPlainError } from "./protocol.ts";

/** The output of a job, and the arrays of it that are handed over rather than copied. */
export interface Done<T> {
  readonly output: T;
  readonly arrays?: readonly (ArrayBufferView | undefined)[];
}

export type JobHandlers<J extends JobTable<J>> = {
  [K in keyof J]: (input: J[K]["input"]) => Promise<Done<J[K]["output"]>>;
};

/** Makes this worker thread do jobs: one request in, one response out. */
export function serveJobs<J extends JobTable<J>>(handlers: JobHandlers<J>): void {
  const port = parentPort;
  if (port === null) throw new Error("This module runs as a worker thread only");
  port.on("message", async ({ kind, input }: JobRequest<J>) => {
    try {
      const { output, arrays = [] } = await handlers[kind](input);
      port.postMessage({ ok: true, output } satisfies JobResponse<J>, buffersOf(arrays));
    } catch (error) {
      port.postMessage({ ok: false, error: toPlainError(error) } satisfies JobResponse<J>);
    }
  });
}
