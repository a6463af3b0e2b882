import { setTimeout } from "node:timers/promises";

/** Ends after `ms`, or with the signal's own reason. */
export async function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await setTimeout(ms, undefined, { signal }).catch(() => signal?.throwIfAborted());
}
