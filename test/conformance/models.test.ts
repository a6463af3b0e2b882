import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, test } from "vitest";
import { type LoadOptions, loadProjector, VQRAE } from "../../sdk/index.ts";
import { isFile } from "../../sdk/kit.ts";
import { type ConformanceOptions, conformanceTests } from "../../sdk/testing/index.ts";

/** Every checkpoint of these folders passes: a family's golden is tested here as soon as it is there. */
const goldens = ["checkpoint", "graph", "vqgan"];
/** Vision-language models, each with its own projector. */
const vlms = ["projector", "qwen2-5-vl"];

const root = fileURLToPath(new URL("../..", import.meta.url));
const cpu: LoadOptions = { device: "cpu", threads: 1 };
/**
 * Ids are the same whatever else runs. Of other numbers, one row takes another path through a matrix product than several,
 * and sums in another order: codebook rows by themselves. A projector of one embedding a view adds to that, 2.5e-6 of it.
 */
const strict: ConformanceOptions = { featureTolerance: 1e-6 };
/** A second load for it would double the time that the golden models take. */
const skip = {
  "dispose: during calls lets each of them end, with its result or with DISPOSED":
    "no family has a part in it; the shipped tokenizer shows it",
};

async function checkpointsIn(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of (await readdir(join(root, folder))).sort()) {
    if (await isFile(join(root, folder, name, "config.json"))) found.push(join(folder, name));
  }
  return found;
}

function conforms(name: string, load: () => Promise<VQRAE>, options = strict): void {
  describe(name, () => {
    for (const { name, run } of conformanceTests(load, options)) test(name, run);
  });
}

conforms("the shipped tokenizer", () => VQRAE.load("default", cpu));
conforms("the shipped tokenizer with the shipped projector", async () => {
  const projector = await loadProjector(join(root, "models/vqrae-tiny-vlm"));
  return VQRAE.load("default", { ...cpu, projector });
});
conforms("the shipped tokenizer in small batches and several workers", () =>
  VQRAE.load("default", { ...cpu, workers: 2, batchSize: 2 }),
);

const cacheDir = await mkdtemp(join(tmpdir(), "vqrae-conformance-"));
afterAll(() => rm(cacheDir, { recursive: true, force: true }));
conforms("the shipped tokenizer in 8 bits", () => VQRAE.load("default", { ...cpu, precision: "int8", cacheDir }));

for (const family of goldens) {
  for (const folder of await checkpointsIn(`test/golden/${family}`)) {
    conforms(folder, () => VQRAE.load(join(root, folder), cpu), { ...strict, skip });
  }
}
for (const family of vlms) {
  for (const folder of await checkpointsIn(`test/golden/${family}`)) {
    const load = async () => {
      const projector = await loadProjector(join(root, folder));
      return VQRAE.load(join(root, folder), { ...cpu, projector });
    };
    conforms(folder, load, { skip });
  }
}
