import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, test } from "vitest";
import { type LoadOptions, loadProjector, VQRAE } from "../../sdk/index.ts";
import { type ConformanceOptions, conformanceTests } from "../../sdk/testing/index.ts";
import { writeTinyTar } from "../golden/ar-dtok/tiny.ts";
import { tinyJanus } from "../golden/janus/tiny.ts";
import { cases, writeTinyRae } from "../golden/rae/tiny.ts";
import { writeTinyTaTok } from "../golden/ta-tok/tiny.ts";
import { tinyVariants, writeTiny } from "../golden/tokenizers/weights.ts";
import { writeTinyUnitok } from "../golden/unitok/tiny.ts";
import { writeTinyVar } from "../golden/var/tiny.ts";

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

/** Language models, and tokenizers of text. */
const others = /^(generation|prompt|convert-llm|tar|janus)\//;
/** Vision-language models: their encoder with their projector. */
const vlms = /^(projector|qwen-vl|pixtral)\//;

/** Every checkpoint in test/golden, so that a family is tested here as soon as it has a golden one. */
async function goldens(): Promise<string[]> {
  const files = await readdir(join(root, "test/golden"), { recursive: true });
  const folders = files.filter((file) => basename(file) === "config.json").map((file) => dirname(file));
  return folders
    .map((folder) => folder.replaceAll("\\", "/"))
    .filter((folder) => !others.test(folder))
    .sort();
}

function conforms(name: string, load: () => Promise<VQRAE>, options = strict): void {
  describe(name, () => {
    for (const { name, run } of conformanceTests(load, options)) test(name, run);
  });
}

conforms("the shipped tokenizer", () => VQRAE.load("default", cpu));
conforms("the shipped encoder with the shipped projector", async () => {
  const projector = await loadProjector(join(root, "models/vqrae-tiny-vlm"));
  return VQRAE.load("deit-tiny", { ...cpu, projector });
});
conforms("the shipped tokenizer in small batches and several workers", () =>
  VQRAE.load("default", { ...cpu, workers: 2, batchSize: 2 }),
);

const tokenizers = await mkdtemp(join(tmpdir(), "vqrae-conformance-"));
afterAll(() => rm(tokenizers, { recursive: true, force: true }));
for (const variant of tinyVariants) {
  const load = async () => VQRAE.load(await writeTiny(join(tokenizers, variant), variant), cpu);
  conforms(`the tokenizer ${variant}`, load, { ...strict, skip });
}

for (const encoder of Object.keys(cases)) {
  const load = async () => VQRAE.load(await writeTinyRae(join(tokenizers, `rae-${encoder}`), encoder), cpu);
  conforms(`RAE on ${encoder}`, load, { ...strict, skip });
}

const loadUnitok = async () => VQRAE.load(await writeTinyUnitok(join(tokenizers, "unitok")), cpu);
conforms("UniTok", loadUnitok, { ...strict, skip });

const loadVar = async () => VQRAE.load(await writeTinyVar(join(tokenizers, "var")), cpu);
conforms("VAR's tokenizer", loadVar, { ...strict, skip });

const loadTaTok = async () => VQRAE.load(await writeTinyTaTok(join(tokenizers, "ta-tok"), { pool_scale: 2 }), cpu);
conforms("TA-Tok", loadTaTok, { ...strict, skip });

const loadJanus = async (): Promise<VQRAE> => {
  const folder = await tinyJanus(join(tokenizers, "janus-whole"));
  return VQRAE.load(folder, { ...cpu, projector: await loadProjector(folder) });
};
conforms("Janus, its tokenizer with its tower and projector", loadJanus, { ...strict, skip });
const loadTar = async () => VQRAE.load(await writeTinyTar(join(tokenizers, "tar"), { pool_scale: 2 }), cpu);
conforms("TA-Tok with AR-DTok", loadTar, { ...strict, skip });

const cacheDir = await mkdtemp(join(tmpdir(), "vqrae-conformance-"));
afterAll(() => rm(cacheDir, { recursive: true, force: true }));
conforms("the shipped tokenizer in 8 bits", () => VQRAE.load("default", { ...cpu, precision: "int8", cacheDir }));

for (const name of await goldens()) {
  const folder = join(root, "test/golden", name);
  if (vlms.test(name)) {
    const load = async () => VQRAE.load(folder, { ...cpu, projector: await loadProjector(folder) });
    conforms(`${name} with its projector`, load, { skip });
  } else {
    conforms(name, () => VQRAE.load(folder, cpu), { ...strict, skip });
  }
}
