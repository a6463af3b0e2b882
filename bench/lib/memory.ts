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

const FIELDS = [
  "arena",
  "ordblks",
  "smblks",
  "hblks",
  "hblkhd",
  "usmblks",
  "fsmblks",
  "uordblks",
  "fordblks",
  "keepcost",
];
koffi.struct("mallinfo2", Object.fromEntries(FIELDS.map((name) => [name, "size_t"])));
const mallinfo: () => Readonly<Record<"hblkhd" | "uordblks" | "fordblks", number>> = koffi
  .load(null)
  .func("mallinfo2 mallinfo2()");

export function memoryUse(): MemoryUse {
  const { rss, heapTotal, external } = process.memoryUsage();
  const { uordblks, hblkhd, fordblks } = mallinfo();
  return {
    resident: rss / 1e6,
    anonymous: (Number(/RssAnon:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) * 1024) / 1e6,
    javascript: (heapTotal + external) / 1e6,
    allocated: (uordblks + hblkhd) / 1e6,
    freed: fordblks / 1e6,
  };
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
