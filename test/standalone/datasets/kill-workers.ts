import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { enqueueShards } from "../../../adapters/datasets/index.ts";
import { mockOptions } from "./dataset.ts";

const WORKER = fileURLToPath(new URL("queue-worker-process.ts", import.meta.url));

/** How many workers were killed, and how far they were. */
export interface Kills {
  readonly kills: number;
  /** Workers that had encoded something when they were killed. */
  readonly inWork: number;
}

/**
 * Starts workers one after the other and kills each with SIGKILL at a random moment after its first sign of work. When the queue is
 * empty it is filled again: with what is missing, or with what `again` took away.
 */
export async function killWorkers(
  { url, paths, output }: { readonly url: string; readonly paths: readonly string[]; readonly output: string },
  kills: number,
  again: () => Promise<void> = async () => {},
): Promise<Kills> {
  const fill = () => enqueueShards({ url, paths, output, model: { source: "mock" }, rows: {}, spec: mockOptions() });
  let [killed, inWork] = [0, 0];
  await fill();
  while (killed < kills) {
    const child = spawn(process.execPath, [WORKER, url, "1000", "3"], { stdio: ["ignore", "pipe", "inherit"] });
    const ended = once(child, "exit");
    const begun = await Promise.race([once(child.stdout, "data").then(() => true), ended.then(() => false)]);
    await wait(Math.random() * 400);
    if (child.exitCode === null) {
      killed++;
      if (begun) inWork++;
      child.kill("SIGKILL");
    } else {
      await again();
      await fill();
    }
    await ended;
  }
  await fill();
  return { kills: killed, inWork };
}
