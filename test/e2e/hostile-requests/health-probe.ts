import { setTimeout as sleep } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";

/** Asks for /health without a break, on a thread of its own: the test's own thread makes bodies of 32 MiB meanwhile. */
export interface Probes {
  readonly answered: number;
  readonly failed: readonly string[];
}

const failed: string[] = [];
let answered = 0;
let on = true;
parentPort?.once("message", () => (on = false));
while (on) {
  try {
    const response = await fetch(`${workerData}/health`, {
      headers: { connection: "close" },
      signal: AbortSignal.timeout(60_000),
    });
    if (response.status !== 200) throw new Error(`status ${response.status}`);
    await response.text();
    answered += 1;
  } catch (error) {
    failed.push(String((error as Error).cause ?? error));
  }
  await sleep(25);
}
parentPort?.postMessage({ answered, failed } satisfies Probes);
