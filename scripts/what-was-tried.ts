/**
 * What is tried on each area that takes files or requests of strangers, how often, and how much of it went wrong. Prints the table of
 * docs/security.md:
 *
 *   node scripts/what-was-tried.ts                # a minute of changed files for each half of the fuzzing
 *   node scripts/what-was-tried.ts --seconds 3600 # an hour
 *   node scripts/what-was-tried.ts --only parquet # one area: all of them take half an hour
 *
 * The counts come from the tests themselves (`noteTried`). What went wrong is what the tests and the fuzzers say: it is above the table.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { environment } from "./lib/environment.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
  },
});
const root = join(import.meta.dirname, "..");
const vitest = (...files: string[]) => ["node_modules/vitest/vitest.mjs", "run", "--reporter=dot", ...files];

const areas: Readonly<Record<string, readonly string[]>> = {
  "readers of files": ["test/fuzz/run.ts", values.seconds, values.seed],
  "language models, in llama.cpp": ["test/fuzz/llm/run.ts", values.seconds, values.seed],
  "writers and readers of single files": vitest("test/standalone/hostile-files/faults.test.ts"),
  downloads: vitest("test/standalone/hub/faults.test.ts"),
  "shards of data sets": vitest("test/standalone/datasets/faults.test.ts"),
  "whatever takes the path of a file": vitest("test/standalone/hostile-files/no-files.test.ts"),
  parquet: vitest("test/standalone/hostile-files/parquet-bombs.test.ts"),
  "chat templates": vitest("test/standalone/prompt/hostile-templates.test.ts"),
  "`vqrae serve`": vitest("test/e2e/hostile-requests/hostile-requests.test.ts"),
};

const folder = await mkdtemp(join(tmpdir(), "vqrae-tried-"));
const rows: string[] = [];
const chosen = Object.entries(areas).filter(([area]) => values.only === undefined || area === values.only);
for (const [area, command] of chosen) {
  const notes = join(folder, "notes.jsonl");
  await writeFile(notes, "");
  const child = spawn(process.execPath, command, {
    cwd: root,
    env: { ...process.env, VQRAE_TRIED: notes },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const [status] = await once(child, "exit");
  if (status !== 0) {
    console.error(said);
    process.exitCode = 1;
  }
  const counts = new Map<string, number>();
  for (const line of (await readFile(notes, "utf8")).split("\n").filter(Boolean)) {
    const { how, inputs } = JSON.parse(line);
    counts.set(how, (counts.get(how) ?? 0) + inputs);
  }
  for (const [how, inputs] of counts)
    rows.push(`| ${area} | ${how} | ${inputs.toLocaleString("en")} | ${status === 0 ? 0 : "see above"} |`);
}
await rm(folder, { recursive: true });
console.log(`${await environment("onnxruntime-node", "node-llama-cpp")}\n`);
console.log(["| area | what was tried | inputs | went wrong |", "| --- | --- | --- | --- |", ...rows].join("\n"));
