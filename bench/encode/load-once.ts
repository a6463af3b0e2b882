/**
 * Loads a model in a process of its own, encodes one photo, and prints { openMs, firstMs, privateMB } as JSON: the time until
 * the model is open, until the first features are there, and the memory that no other process shares, after opening it.
 *
 *   node bench/encode/load-once.ts <vqrae | vqrae-int8 | transformers.js> <model folder> <photo> <threads>
 */
import { readFile } from "node:fs/promises";
import { VQRAE } from "../../sdk/index.ts";
import { openTransformersJs } from "./transformers-js.ts";

const [side, folder, photo, threads] = process.argv.slice(2) as [string, string, string, string];

/** Linux alone: Private_Clean and Private_Dirty of this process. */
async function privateBytes(): Promise<number> {
  const rollup = await readFile("/proc/self/smaps_rollup", "utf8");
  const lines = [...rollup.matchAll(/^Private_\w+:\s+(\d+) kB$/gm)];
  return lines.reduce((sum, [, kilobytes]) => sum + Number(kilobytes) * 1024, 0);
}

async function open(): Promise<() => Promise<unknown>> {
  if (side === "transformers.js") {
    const model = await openTransformersJs(folder, { dtype: "fp32", threads: Number(threads) });
    return () => model.encode([photo]);
  }
  const tokenizer = await VQRAE.load(folder, {
    threads: Number(threads),
    precision: side === "vqrae" ? "fp32" : "int8",
  });
  return () => tokenizer.encode(photo);
}

const before = await privateBytes();
const start = performance.now();
const encode = await open();
const opened = performance.now();
const privateMB = ((await privateBytes()) - before) / 1e6;
await encode();
console.log(JSON.stringify({ openMs: opened - start, firstMs: performance.now() - start, privateMB }));
process.exit(0);
