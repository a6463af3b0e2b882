/**
 * The longest time that the main thread is kept from its event loop while photos are encoded:
 *
 *   node bench/main-thread-gap.ts <folder of photos> [--count 100] [--model default]
 *
 * An idle stretch of the same length is measured in the same run: a busy machine delays timers by itself.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { environment } from "../scripts/lib/environment.ts";
import { listImages } from "../sdk/evaluation/index.ts";
import { VQRAE } from "../sdk/index.ts";

const { values, positionals } = parseArgs({
  options: { count: { type: "string", default: "100" }, model: { type: "string", default: "default" } },
  allowPositionals: true,
});
const [folder] = positionals;
if (!folder) throw new Error("Expected a folder of photos.");
const files = await listImages(folder);
const count = Number(values.count);
const images = Array.from({ length: count }, (_, i) => files[i % files.length]!.path);

/** Runs `work` while a timer ticks; returns the longest gap between two ticks in ms, and how long it took. */
async function watch(work: () => Promise<unknown>): Promise<{ gap: number; ms: number }> {
  let [gap, last] = [0, performance.now()];
  const timer = setInterval(() => {
    const now = performance.now();
    gap = Math.max(gap, now - last);
    last = now;
  }, 1);
  const start = performance.now();
  await work();
  const ms = performance.now() - start;
  clearInterval(timer);
  return { gap, ms };
}

const tokenizer = await VQRAE.load(values.model);
await tokenizer.encode(images.slice(0, 8)); // opens the sessions
const rows: string[] = [];
for (let round = 1; round <= 3; round++) {
  const busy = await watch(() => tokenizer.encode(images));
  const idle = await watch(() => sleep(busy.ms));
  rows.push(
    `| ${round} | ${busy.gap.toFixed(1)} | ${idle.gap.toFixed(1)} | ${(count / (busy.ms / 1000)).toFixed(1)} |`,
  );
}
await tokenizer.dispose();
console.log(`${await environment()}\n${count} photos from ${files.length} files\n`);
console.log("| round | longest gap, encoding (ms) | longest gap, idle (ms) | photos/s |\n|---|---|---|---|");
console.log(rows.join("\n"));
