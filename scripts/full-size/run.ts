/**
 * Compares full-size encoders with transformers and PyTorch, and prints the table of docs/fidelity.md:
 *
 *   node scripts/full-size/run.ts --python python3 [--scratch folder] [names of models.py]
 *
 * `--python` runs make.py (torch, transformers 5, safetensors, Pillow), which writes one model at a time with seeded
 * random weights; its files, up to 1.8 GB, are deleted before the next one. Each model is loaded in a process of its
 * own (this file with --compare), so that its memory can be told.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { VQRAE } from "../../sdk/index.ts";
import { requireFeatureDim } from "../../sdk/kit.ts";
import { readTensor } from "../../sdk/weights/read-tensor.ts";
import { openSafetensors } from "../../sdk/weights/safetensors/open-safetensors.ts";
import { environment } from "../lib/environment.ts";

const TOLERANCE = 1e-4;
const MIB = 2 ** 20;
const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const photos = ["cat.jpg", "coffee.jpg"].map((name) => path(`../../examples/images/${name}`));

/** What one model's process prints. */
interface Comparison {
  readonly largest: number;
  readonly tokens: number;
  readonly featureDim: number;
  readonly loadMs: number;
  /** Memory that is this process's alone, over what it had before the load; null where the system does not tell. */
  readonly loadedMiB: number | null;
  readonly encodedMiB: number | null;
}

async function compare(folder: string): Promise<Comparison> {
  const { tensors } = await openSafetensors(join(folder, "features.safetensors"));
  const expected = async (name: string) => {
    const stored = tensors.get(name);
    return stored && readTensor({ ...stored, dtype: "F32" });
  };
  const before = await privateMiB();
  const start = performance.now();
  const tokenizer = await VQRAE.load(folder, { device: "cpu", cacheDir: false });
  const loadMs = performance.now() - start;
  const loaded = await privateMiB();
  let largest = 0;
  for (const [i, photo] of photos.entries()) {
    const { features, classToken } = await tokenizer.encode(photo);
    largest = Math.max(largest, difference(features, await expected(`tokens.${i}`)));
    largest = Math.max(largest, difference(classToken, await expected(`class_token.${i}`)));
  }
  const encoded = await privateMiB();
  const { maxTokens } = tokenizer.info;
  const featureDim = requireFeatureDim(tokenizer.info);
  await tokenizer.dispose();
  const growth = (now: number | null) => (now === null || before === null ? null : now - before);
  const [loadedMiB, encodedMiB] = [growth(loaded), growth(encoded)];
  return { largest, tokens: maxTokens, featureDim, loadMs, loadedMiB, encodedMiB };
}

/** Linux's account of what is mapped and not shared with the page cache. */
async function privateMiB(): Promise<number | null> {
  const text = await readFile("/proc/self/smaps_rollup", "utf8").catch(() => "");
  const match = /^Anonymous:\s+(\d+) kB$/m.exec(text);
  return match ? (Number(match[1]) * 1024) / MIB : null;
}

function difference(actual: Float32Array | undefined, wanted: Float32Array | undefined): number {
  if (actual === undefined && wanted === undefined) return 0;
  if (actual?.length !== wanted?.length) return Number.POSITIVE_INFINITY;
  return actual!.reduce((largest, value, i) => Math.max(largest, Math.abs(value - wanted![i]!)), 0);
}

const run = promisify(execFile);
const lastLine = (text: string) => JSON.parse(text.trim().split("\n").at(-1)!);

async function main(names: readonly string[], python: string, scratch: string): Promise<boolean> {
  const list = [
    "-c",
    "import json; from models import MODELS; print(json.dumps({k: v.dtype for k, v in MODELS.items()}))",
  ];
  const models: Record<string, string> = lastLine((await run(python, list, { cwd: path(".") })).stdout);
  let versions = "";
  let good = true;
  console.log(
    "| model | weights | tokens x width | RMS of features | largest difference | load ms | private MiB: loaded, after 2 images |",
  );
  console.log("|---|---|---|---|---|---|---|");
  for (const [name, dtype] of Object.entries(models)) {
    if (names.length > 0 && !names.includes(name)) continue;
    const folder = await mkdtemp(join(scratch, "full-size-"));
    try {
      const made = lastLine((await run(python, [path("make.py"), name, folder, ...photos])).stdout);
      versions = made.versions;
      const flags = [...process.execArgv, process.argv[1]!, "--compare", folder];
      const found: Comparison = lastLine((await run(process.execPath, flags)).stdout);
      const ok = found.largest <= TOLERANCE;
      good &&= ok;
      const mib = [found.loadedMiB, found.encodedMiB].map((value) => value?.toFixed(0) ?? "?").join(", ");
      const cells = [
        name,
        dtype,
        `${found.tokens} x ${found.featureDim}`,
        made.rms.toFixed(2),
        `${found.largest.toExponential(1)}${ok ? "" : " **too large**"}`,
        found.loadMs.toFixed(0),
        mib,
      ];
      console.log(`| ${cells.join(" | ")} |`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  console.log(`\n${await environment()}; ${versions}`);
  return good;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    compare: { type: "string" },
    python: { type: "string", default: "python3" },
    scratch: { type: "string", default: tmpdir() },
  },
});
if (values.compare) console.log(JSON.stringify(await compare(values.compare)));
else process.exitCode = (await main(positionals, values.python, values.scratch)) ? 0 : 1;
