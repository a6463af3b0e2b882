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
import { type LoopGaps, LoopWatch } from "./lib/loop-watch.ts";

const { values, positionals } = parseArgs({
  options: { count: { type: "string", default: "100" }, model: { type: "string", default: "default" } },
  allowPositionals: true,
});
const [folder] = positionals;
if (!folder) throw new Error("Expected a folder of photos.");
const files = await listImages(folder);
const count = Number(values.count);
const images = Array.from({ length: count }, (_, i) => files[i % files.length]!.path);

/** Runs `work` while a timer ticks; returns the gaps between its ticks, and how long it took in ms. */
async function watch(work: () => Promise<unknown>): Promise<LoopGaps & { ms: number }> {
  const loop = new LoopWatch();
  const start = performance.now();
  await work();
  const ms = performance.now() - start;
  loop.stop();
  return { ...loop.gaps, ms };
}

const tokenizer = await VQRAE.load(values.model);
await tokenizer.encode(images.slice(0, 8)); // opens the sessions
const rows: string[] = [];
for (let round = 1; round <= 3; round++) {
  const busy = await watch(() => tokenizer.encode(images));
  const idle = await watch(() => sleep(busy.ms));
  const cells = [busy.longest, busy.ownWithin, busy.own, idle.longest, count / (busy.ms / 1000)];
  rows.push(`| ${round} | ${cells.map((cell) => cell.toFixed(1)).join(" | ")} |`);
}
await tokenizer.dispose();
console.log(`${await environment()}\n${count} photos from ${files.length} files\n`);
console.log(
  "| round | longest gap, encoding (ms) | own processor time in it | longest own processor time | longest gap, idle | photos/s |",
);
console.log("|---|---|---|---|---|---|");
console.log(rows.join("\n"));
