/**
 * Loads a model in a process of its own and encodes one grey image; prints, as JSON, the time of the load in ms (`ms`), the
 * time until the first features are there (`first`), and the memory in MB that no other process shares, added by the load
 * (`opened`) and by both (`megabytes`); null outside of Linux:
 *
 *   node bench/load-once.ts <model> '{"precision":"int8"}'
 *   node bench/load-once.ts <model> '{"dtype":"fp32","threads":2}' transformers.js
 */
import { readFile } from "node:fs/promises";
import { VQRAE } from "../sdk/index.ts";
import { openTransformersJs } from "./encode/transformers-js.ts";

const [model = "default", json = "{}", library = "vqrae"] = process.argv.slice(2);
const options = JSON.parse(json);

async function privateMegabytes(): Promise<number> {
  const status = await readFile("/proc/self/status", "utf8").catch(() => "");
  return Number(/RssAnon:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) / 1024;
}

/** What encodes one grey image. */
async function open(): Promise<() => Promise<unknown>> {
  if (library === "transformers.js") {
    const rival = await openTransformersJs(model, options);
    return async () => rival.run(await rival.grey());
  }
  const tokenizer = await VQRAE.load(model, options);
  const { width, height } = tokenizer.info.inputSize ?? { width: 256, height: 256 };
  const image = { data: new Uint8Array(width * height * 3).fill(128), width, height };
  return () => tokenizer.encode(image, { ids: false });
}

if (library === "transformers.js") await import("@huggingface/transformers" as string); // ours is imported above
const before = await privateMegabytes();
const start = performance.now();
const encode = await open();
const ms = performance.now() - start;
const opened = (await privateMegabytes()) - before;
await encode();
const first = performance.now() - start;
const megabytes = (await privateMegabytes()) - before;
console.log(JSON.stringify({ ms, first, opened, megabytes }));
process.exit(0); // without waiting for threads of either library
