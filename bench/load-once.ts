/**
 * Loads a model in a process of its own and encodes one grey image; prints, as JSON, the time of the load in ms and the
 * memory in MB that both added and that no other process shares (null outside of Linux):
 *
 *   node bench/load-once.ts <model> '{"precision":"int8"}'
 */
import { readFile } from "node:fs/promises";
import { VQRAE } from "../sdk/index.ts";

const [model = "default", options = "{}"] = process.argv.slice(2);

async function privateMegabytes(): Promise<number> {
  const status = await readFile("/proc/self/status", "utf8").catch(() => "");
  return Number(/RssAnon:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) / 1024;
}

const before = await privateMegabytes();
const start = performance.now();
const tokenizer = await VQRAE.load(model, JSON.parse(options));
const ms = performance.now() - start;
const { width, height } = tokenizer.info.inputSize ?? { width: 256, height: 256 };
const image = { data: new Uint8Array(width * height * 3).fill(128), width, height };
await tokenizer.encode(image, { ids: false });
const megabytes = (await privateMegabytes()) - before;
await tokenizer.dispose();
console.log(JSON.stringify({ ms, megabytes }));
