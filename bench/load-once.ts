/**
 * Loads a model by the built package (`npm run build`) in a process of its own and encodes one grey image; prints, as JSON, the time of the load in ms (`ms`), the
 * time until the first features are there (`first`), the processor time of the load in ms (`processor`), and the memory in MB that
 * no other process shares, added by the load (`opened`), by both (`megabytes`), and at most while it goes on (`peak`); null outside
 * of Linux:
 *
 *   node bench/load-once.ts <model> '{"precision":"int8"}'
 *   node bench/load-once.ts <model> '{"encode":false}'      # loads alone
 *   node bench/load-once.ts <model> '{"dtype":"fp32","threads":2}' transformers.js
 */
import { readFileSync } from "node:fs";
import { openTransformersJs } from "./encode/transformers-js.ts";

const [model = "default", json = "{}", library = "vqrae"] = process.argv.slice(2);
const { encode: encodes = true, ...options } = JSON.parse(json);

function privateMegabytes(): number {
  if (process.platform !== "linux") return Number.NaN;
  return Number(/RssAnon:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? Number.NaN) / 1024;
}

const processorMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
let peak = 0;
const onProgress = () => {
  peak = Math.max(peak, privateMegabytes() - before);
};

/** What encodes one grey image. */
async function open(): Promise<() => Promise<unknown>> {
  if (library === "transformers.js") {
    const rival = await openTransformersJs(model, options);
    return async () => rival.run(await rival.grey());
  }
  const tokenizer = await VQRAE.load(model, { ...options, onProgress });
  const { width, height } = tokenizer.info.inputSize ?? { width: 256, height: 256 };
  const image = { data: new Uint8Array(width * height * 3).fill(128), width, height };
  return () => tokenizer.encode(image, { ids: false });
}

const { VQRAE } = (await import("../dist/index.js" as string)) as typeof import("../sdk/index.ts");
if (library === "transformers.js") await import("@huggingface/transformers" as string);
const before = privateMegabytes();
const [start, begun] = [performance.now(), processorMs()];
const encode = await open();
const ms = performance.now() - start;
const processor = processorMs() - begun;
const opened = privateMegabytes() - before;
peak = Math.max(peak, opened);
if (encodes) await encode();
const first = performance.now() - start;
const megabytes = privateMegabytes() - before;
console.log(JSON.stringify({ ms, first, processor, opened, megabytes, peak }));
process.exit(0); // without waiting for threads of either library
