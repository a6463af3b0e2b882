/**
 * A CNN tokenizer, ours against onnxruntime-node on the graphs that PyTorch's own exporter makes of LlamaGen's VQ-16:
 *
 *   python bench/vqgan/export_llamagen.py <clone of LlamaGen> <folder>
 *   node bench/vqgan.ts <folder> [--threads 2] [--rounds 9] [--loads 5]
 *
 * The sides run in turn, round after round; a ratio is the median of the rounds' ratios to the first side. Ours take and give the
 * bytes of a picture and run in a worker thread; the other side has its pixels ready. The `.pt` opens in processes of its own.
 */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { environment } from "../scripts/lib/environment.ts";
import { hasCodebook, loadTokenizer, readImage, resize } from "../sdk/index.ts";
import { alternate, type Side } from "./lib/alternate.ts";
import { median } from "./lib/median.ts";

const { values, positionals } = parseArgs({
  options: {
    threads: { type: "string", default: "2" },
    rounds: { type: "string", default: "9" },
    loads: { type: "string", default: "5" },
  },
  allowPositionals: true,
});
if (!positionals[0]) throw new Error("Expected the folder that bench/vqgan/export_llamagen.py wrote.");
const folder = resolve(positionals[0]);
const threads = Number(values.threads);
const SIZE = 256;

const photo = resize(await readImage("examples/images/cat.jpg"), SIZE, SIZE, "bicubic");
const pixels = new Float32Array(3 * SIZE * SIZE);
for (let i = 0; i < SIZE * SIZE; i++)
  for (let c = 0; c < 3; c++) pixels[c * SIZE * SIZE + i] = (photo.data[3 * i + c] ?? 0) / 127.5 - 1;

const own = await loadTokenizer(join(folder, "vq_ds16.pt"), { threads });
const inPlace = await loadTokenizer(join(folder, "vq_ds16.pt"), { threads, prepack: false });
if (!hasCodebook(own) || !hasCodebook(inPlace)) throw new Error("Expected a codebook.");
const open = (name: string) => InferenceSession.create(join(folder, name), { intraOpNumThreads: threads });
const [encoder, decoder] = [await open("encode.onnx"), await open("decode.onnx")];
const run = async (session: InferenceSession, input: Tensor) => {
  const found = await session.run({ [session.inputNames[0] ?? ""]: input });
  return found[session.outputNames[0] ?? ""];
};
const image = new Tensor("float32", pixels, [1, 3, SIZE, SIZE]);

const { ids } = await own.encode(photo, { features: false });
const theirs = BigInt64Array.from((await run(encoder, image))?.data as BigInt64Array);
const different = ids.filter((id, i) => id !== Number(theirs[i])).length;

async function compare(name: string, sides: Record<string, Side>): Promise<string[]> {
  const timings = await alternate(sides, Number(values.rounds));
  return Object.entries(timings).map(
    ([side, { ms, ratio }]) => `| ${name} | ${side} | ${ms.toFixed(0)} ms | ${ratio.toFixed(2)}x |`,
  );
}
const given = new Tensor("int64", theirs, [ids.length]);
const rows = [
  ...(await compare("encode", {
    "PyTorch's export": () => run(encoder, image),
    vqrae: () => own.encode(photo, { features: false }),
    "vqrae, prepack: false": () => inPlace.encode(photo, { features: false }),
  })),
  ...(await compare("decode", {
    "PyTorch's export": () => run(decoder, given),
    vqrae: () => own.decode(ids),
    "vqrae, prepack: false": () => inPlace.decode(ids),
  })),
];
await Promise.all([own.dispose(), inPlace.dispose()]);
await Promise.all([encoder.release(), decoder.release()]);

const loadOnce = fileURLToPath(new URL("load-once.ts", import.meta.url));
type Load = Record<"ms" | "processor" | "opened" | "megabytes", number>;
const loads: Record<"default" | "prepack: false", Load[]> = { default: [], "prepack: false": [] };
for (let i = 0; i < Number(values.loads); i++) {
  for (const [name, own] of Object.entries(loads)) {
    const options = JSON.stringify({ threads, ...(name !== "default" && { prepack: false }) });
    const { stdout } = await promisify(execFile)(process.execPath, [loadOnce, join(folder, "vq_ds16.pt"), options]);
    own.push(JSON.parse(stdout));
  }
}
const middle = (own: readonly Load[], key: keyof Load) => median(own.map((load) => load[key])).toFixed(0);

console.log(`${await environment()}; ${threads} threads, ${values.rounds} rounds\n`);
console.log(["| 256 px | side | time | ratio |", "| --- | --- | --- | --- |", ...rows].join("\n"));
const size = (await readFile(join(folder, "vq_ds16.pt"))).length / 1e6;
console.log(`\n${different} of ${ids.length} ids differ.`);
console.log(`\nvq_ds16.pt, ${size.toFixed(0)} MB, medians of ${values.loads} loads:\n`);
console.log("| | opened | processor time | private memory | after the first encode |\n| --- | --- | --- | --- | --- |");
for (const [name, own] of Object.entries(loads)) {
  const [ms, processor] = [middle(own, "ms"), middle(own, "processor")];
  console.log(
    `| ${name} | ${ms} ms | ${processor} ms | ${middle(own, "opened")} MB | ${middle(own, "megabytes")} MB |`,
  );
}
