/**
 * Makes generated answers to questions of every benchmark, as its cases.ts here says, and scores them as each profile
 * does. reference.py then scores them with the harnesses' own functions, and agreement.ts compares:
 *
 *   node test/golden/benchmarks/make-cases.ts [count] [folder]
 *   python test/golden/benchmarks/reference.py <folder> <checkouts>
 *   node test/golden/benchmarks/agreement.ts <folder>
 *
 * The answers of this folder, 36 each, are the defaults and a test. <checkouts> holds clones of the harnesses' repositories,
 * at the commits that docs/benchmarks.md names.
 */
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { benchmarks, textSeed } from "../../../adapters/benchmarks/index.ts";
import { type Case, CaseMaker, type MakeCase } from "./case-maker.ts";
import { scoreCases } from "./score-cases.ts";

const [count = "36", folder = import.meta.dirname] = process.argv.slice(2);

for (const benchmark of benchmarks) {
  const { name } = benchmark;
  if (!existsSync(join(import.meta.dirname, name, "cases.ts"))) continue;
  const { makeCase }: { makeCase: MakeCase } = await import(`./${name}/cases.ts`);
  const make = new CaseMaker(textSeed(name));
  const cases = Array.from({ length: Number(count) }, (_, i): Case => {
    const { question, ...rest } = makeCase(make, i);
    const text = make.question();
    return { question: { id: `${i}`, at: "generated", text, options: [], categories: {}, ...question }, ...rest };
  });
  await mkdir(join(folder, name), { recursive: true });
  await writeFile(join(folder, name, "cases.json"), JSON.stringify({ cases, profiles: scoreCases(benchmark, cases) }));
  console.log(`${name}: ${count} answers`);
}
