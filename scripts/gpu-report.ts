/**
 * Measures vision encoders and llama.cpp on your GPU, and writes the tables of docs/gpu.md:
 *
 *   npm run build && node scripts/gpu-report.ts --device cuda --python python3     # or webgpu
 *
 * For each encoder and batch: this package on the device, beside PyTorch eager and compiled, in float32 and bfloat16, in turn in one
 * run. Both start from pixels in the machine's memory and end with features there. `--python` has torch, transformers 5,
 * safetensors and Pillow; the weights are seeded random ones at full size. `--print` only prints. Try it without a GPU with
 * `--device cpu --models vit-small-patch16-224 --batches 1,2 --modes eager --print`.
 */
import { execFile, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { alternate, type Side } from "../bench/lib/alternate.ts";
import { loadTokenizer } from "../sdk/index.ts";
import { environment } from "./lib/environment.ts";

const { values } = parseArgs({
  options: {
    device: { type: "string", default: "cuda" },
    python: { type: "string", default: "python3" },
    models: { type: "string", default: "siglip2-so400m-patch16-256,InternViT-300M-448px" },
    batches: { type: "string", default: "1,4,16,64,256" },
    modes: { type: "string", default: "eager,compiled" },
    rounds: { type: "string", default: "5" },
    scratch: { type: "string", default: tmpdir() },
    print: { type: "boolean", default: false },
  },
});
const { device, python } = values;
if (device !== "cuda" && device !== "webgpu" && device !== "cpu") throw new Error("Expected cuda, webgpu or cpu.");
const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const run = promisify(execFile);
const photo = path("../examples/images/cat.jpg");
/** PyTorch has no WebGPU: it runs where it can. */
const torchDevice = device === "webgpu" ? "cuda" : device;

/** A PyTorch process, and what it answers to one request after the other. */
function startTorch(name: string) {
  const child = spawn(python, [path("gpu-report/torch_encoder.py"), name, torchDevice], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask(request: { mode: string; dtype: string; batch: number }): Promise<void> {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      const { value, done } = await answers.next();
      if (done) throw new Error("Expected an answer of PyTorch's process but it ended; its error is above.");
      const { error } = JSON.parse(value);
      if (error !== undefined) throw new Error(error);
    },
    stop: () => child.stdin.end(),
  };
}

const rows: string[] = [];
const lost: string[] = [];
for (const name of values.models.split(",")) {
  const folder = await mkdtemp(join(values.scratch, "gpu-report-"));
  try {
    await run(python, [path("full-size/make.py"), name, folder, photo]);
    for (const batch of values.batches.split(",").map(Number)) {
      const tokenizer = await loadTokenizer(folder, { device, batchSize: batch });
      const torch = startTorch(name);
      const { width, height } = tokenizer.info.inputSize ?? { width: 256, height: 256 };
      const image = { data: new Uint8Array(width * height * 3).fill(128), width, height };
      const images = Array.from({ length: batch }, () => image);
      const sides: Record<string, Side> = { "vqrae float32": () => tokenizer.encode(images, { ids: false }) };
      for (const mode of values.modes.split(","))
        for (const dtype of ["float32", "bfloat16"])
          sides[`PyTorch ${mode} ${dtype}`] = () => torch.ask({ mode, dtype, batch });
      try {
        for (const [side, { ms, ratio }] of Object.entries(await alternate(sides, Number(values.rounds))))
          rows.push(
            `| ${name} | ${batch} | ${side} | ${ms.toFixed(1)} ms | ${((1000 * batch) / ms).toFixed(1)} | ${ratio.toFixed(2)}x |`,
          );
      } catch (error) {
        lost.push(`${name}, batch ${batch}: ${error instanceof Error ? error.message : error}`);
      } finally {
        torch.stop();
        await tokenizer[Symbol.asyncDispose]();
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
const torchFacts =
  "import torch, transformers; print(f'torch {torch.__version__}, transformers {transformers.__version__}', " +
  "torch.cuda.get_device_name() if torch.cuda.is_available() else 'no GPU in PyTorch', sep='; ')";
const { stdout: versions } = await run(python, ["-c", torchFacts]);
const parts = [
  `${await environment("onnxruntime-node")}; ${device}; ${versions.trim()}; ${values.rounds} rounds`,
  ["| encoder | images | side | time | images/s | ratio |", "| --- | --- | --- | --- | --- | --- |", ...rows].join(
    "\n",
  ),
  ...lost.map((line) => `Not measured: ${line}`),
];
if (device === "cuda") parts.push((await run(process.execPath, [path("vision-on-gpu.ts"), device])).stdout.trim());
const report = parts.join("\n\n");
console.log(report);

if (!values.print) {
  const page = path("../docs/gpu.md");
  const [start, end] = ["<!-- gpu-report -->", "<!-- end of gpu-report -->"];
  const text = await readFile(page, "utf8");
  const [before, rest] = text.split(start);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`Expected ${start} and ${end} in docs/gpu.md.`);
  await writeFile(page, `${before}${start}\n\n${report}\n\n${end}${after}`);
}
