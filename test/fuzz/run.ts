/**
 * Changed fixtures through every reader of files: `node test/fuzz/run.ts [seconds=60] [seed=1] [target]`. What is neither read
 * nor refused by a typed error is kept below `fuzz-findings/`, and the exit status is 1.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { noteTried } from "../helpers/tried.ts";
import { fuzz } from "./fuzz.ts";
import { targets } from "./targets.ts";

const [seconds = "60", seed = "1", only] = process.argv.slice(2);
const root = join(import.meta.dirname, "../..");
const folder = await mkdtemp(join(tmpdir(), "vqrae-fuzz-"));
const chosen = Object.entries(targets).filter(([name]) => only === undefined || name === only);
for (const [name, target] of chosen) {
  const end = Date.now() + (1000 * Number(seconds)) / chosen.length;
  const done = () => Date.now() >= end;
  const { inputs, outcomes, findings } = await fuzz(target, { root, folder, seed: Number(seed), done });
  console.log(`${name}: ${inputs} inputs, ${findings.length} findings`, Object.fromEntries(outcomes));
  noteTried(`changed fixtures, ${name}`, inputs);
  for (const [i, { what, bytes, extension }] of findings.entries()) {
    await mkdir("fuzz-findings", { recursive: true });
    await writeFile(join("fuzz-findings", `${name.replaceAll(" ", "-")}-${seed}-${i}${extension}`), bytes);
    console.log(what);
    process.exitCode = 1;
  }
}
await rm(folder, { recursive: true });
process.exit();
