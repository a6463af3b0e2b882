import { isMainThread } from "node:worker_threads";

/**
 * Loaded with --import into `vqrae serve`: how long the main thread computes between two turns of its event loop. It counts
 * processor time, so that a machine that is busy with other things changes nothing.
 */
export interface Stalls {
  /** Milliseconds of processor time that the longest turn took. */
  readonly longestMs: number;
}

const INTERVAL_MS = 5;

// Processes that the server starts load this too.
if (isMainThread && process.argv.includes("serve") && process.send) {
  let longestMs = 0;
  let last = process.threadCpuUsage();
  setInterval(() => {
    const now = process.threadCpuUsage();
    longestMs = Math.max(longestMs, (now.user - last.user + now.system - last.system) / 1000);
    last = now;
  }, INTERVAL_MS).unref();
  // Each question begins a new count.
  process.on("message", () => {
    process.send?.({ longestMs } satisfies Stalls);
    longestMs = 0;
  });
  process.channel?.unref();
}
