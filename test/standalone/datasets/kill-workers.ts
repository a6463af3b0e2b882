import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { enqueueShards, readStatus } from "../../../adapters/datasets/index.ts";
import { mockOptions } from "./dataset.ts";

const WORKER = fileURLToPath(new URL("queue-worker-process.ts", import.meta.url));

/** How many workers were killed, and how far they were. */
export interface Kills {
  readonly kills: number;
  /** Workers that were killed while a shard was in work. */
  readonly inWork: number;
}

/** So that a shard takes longer than a worker needs to end by itself. */
const DELAY_MS = 100;

/**
 * Starts workers one after the other and kills each with SIGKILL at a random moment after its first sign of work. When all shards are
 * done, `again` takes them away, and the queue is filled again.
 */
export async function killWorkers(
  { url, paths, output }: { readonly url: string; readonly paths: readonly string[]; readonly output: string },
  kills: number,
  again: () => Promise<void>,
): Promise<Kills> {
  const fill = () => enqueueShards({ url, paths, output, model: { source: "mock" }, rows: {}, spec: mockOptions() });
  let [killed, inWork] = [0, 0];
  await fill();
  while (killed < kills) {
    const child = spawn(process.execPath, [WORKER, url, "1000", String(DELAY_MS)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = once(child, "exit");
    await Promise.race([once(child.stdout, "data"), ended]);
    await wait(Math.random() * 4 * DELAY_MS);
    const { running } = await readStatus(output);
    if (child.exitCode === null) {
      killed++;
      if (running > 0) inWork++;
      child.kill("SIGKILL");
    } else {
      // A shard that was in work at each of many kills is given up as what may have killed them. It is put there again.
      const { done, shards } = await readStatus(output);
      if (done === shards) await again();
      await fill();
    }
    await ended;
  }
  await fill();
  return { kills: killed, inWork };
}
