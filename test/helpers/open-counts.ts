import { readdir, readFile } from "node:fs/promises";

/** What a process holds that a leak would add to. */
export interface OpenCounts {
  /** Of node's event loop: timers, sockets, workers, child processes, by kind. */
  readonly resources: Readonly<Record<string, number>>;
  readonly threads: number;
  readonly descriptors: number;
}

/** Of this process, on Linux. */
export async function openCounts(): Promise<OpenCounts> {
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  const status = await readFile("/proc/self/status", "utf8");
  return {
    resources,
    threads: Number(/^Threads:\s+(\d+)/m.exec(status)?.[1]),
    descriptors: (await readdir("/proc/self/fd")).length,
  };
}
