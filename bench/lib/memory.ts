import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import koffi from "koffi";
import { median } from "./median.ts";

setFlagsFromString("--expose-gc");

/** Collects garbage, so that what is measured next is what is held. */
export const collectGarbage: () => void = runInNewContext("gc");

/** Whose a process' memory is, in MB, on Linux with glibc. */
export interface MemoryUse {
  readonly resident: number;
  /** Of the resident memory, what is no file's. */
  readonly anonymous: number;
  /** Of the main thread's JavaScript: its heap and the buffers outside of it. */
  readonly javascript: number;
  /** What programs hold of glibc's allocator, all arenas and the blocks that are mapped by themselves. */
  readonly allocated: number;
  /** What glibc keeps for later of what was freed. Some of it may have been given back. */
  readonly freed: number;
}

const FIELDS = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split(" ");
koffi.struct("mallinfo2", Object.fromEntries(FIELDS.map((name) => [name, "size_t"])));
const mallinfo: () => Record<string, number> = koffi.load(null).func("mallinfo2 mallinfo2()");

export function memoryUse(): MemoryUse {
  const status = readFileSync("/proc/self/status", "utf8");
  const lines = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) * 1024;
  const { heapTotal, external } = process.memoryUsage();
  const { uordblks = Number.NaN, hblkhd = Number.NaN, fordblks = Number.NaN } = mallinfo();
  const bytes = {
    resident: lines("VmRSS"),
    anonymous: lines("RssAnon"),
    javascript: heapTotal + external,
    allocated: Number(uordblks) + Number(hblkhd),
    freed: Number(fordblks),
  };
  return Object.fromEntries(Object.entries(bytes).map(([name, value]) => [name, value / 1e6])) as unknown as MemoryUse;
}

/**
 * How much a measure of memory grew once allocators, caches and threads had taken what they keep: from the second fifth of its looks to
 * the last one, of the medians.
 */
export function growthOf(looks: readonly number[]): {
  readonly warm: number;
  readonly late: number;
  readonly growth: number;
} {
  const fifth = Math.max(1, Math.floor(looks.length / 5));
  const [warm, late] = [median(looks.slice(fifth, 2 * fifth)), median(looks.slice(-fifth))];
  return { warm, late, growth: (late - warm) / warm };
}
