/**
 * Changed language models through `openLanguageModel`: `node test/fuzz/llm/run.ts [seconds=60] [seed=1] [check=check|alone]`.
 * Every outcome is a loaded model or a typed error; a process that ends is kept as a file below `fuzz-findings/`.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { uniform } from "../../helpers/random.ts";
import { tinyArchitectures, writeTinyLlm } from "../../helpers/tiny-llm.ts";
import { noteTried } from "../../helpers/tried.ts";
import { mutant, readSeed } from "./mutate.ts";

const [seconds = "60", seed = "1", check = "check", ...files] = process.argv.slice(2);
const folder = await mkdtemp(join(tmpdir(), "llm-fuzz-"));
const random = uniform(Number(seed));
const seeds = [...files];
for (const architecture of tinyArchitectures) {
  const path = join(folder, `${architecture}.gguf`);
  await writeTinyLlm(path, architecture);
  seeds.push(path);
}
const read = await Promise.all(seeds.map(readSeed));

let child: ChildProcessWithoutNullStreams | null = null;
function start(): ChildProcessWithoutNullStreams {
  const started = spawn(process.execPath, [join(import.meta.dirname, "load.ts"), check]);
  started.stderr.resume();
  return started;
}

/** The child's answer; how it ended where it gave none. */
function outcomeOf(path: string): Promise<string> {
  child ??= start();
  const own = child;
  return new Promise((resolve) => {
    const lines = createInterface({ input: own.stdout });
    const done = (outcome: string, ended: boolean) => {
      clearTimeout(timer);
      lines.close();
      own.removeAllListeners("exit");
      if (ended) child = null;
      resolve(outcome);
    };
    const timer = setTimeout(() => {
      own.kill("SIGKILL");
      done("hangs", true);
    }, 30_000);
    lines.on("line", (line) => line.startsWith("\u0001") && done(line.slice(1), false));
    own.on("exit", (code, signal) => done(`ends the process (${signal ?? code})`, true));
    own.stdin.write(`${path}\n`);
  });
}

const counts = new Map<string, number>();
const end = Date.now() + Number(seconds) * 1000;
const findings = "fuzz-findings";
for (let i = 0; Date.now() < end; i++) {
  const path = join(folder, "mutant.gguf");
  const one = read[Math.floor(random() * read.length)];
  if (one === undefined) break;
  const change = await mutant(one, path, random);
  if (change === null) continue;
  const outcome = await outcomeOf(path);
  counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  if (!/^(ok$|[A-Z_]+$)/.test(outcome)) {
    await mkdir(findings, { recursive: true });
    await copyFile(path, join(findings, `llm-${seed}-${i}.gguf`));
    console.log(`${i}: ${outcome}: ${change}`);
    process.exitCode = 1;
  }
}
console.log(Object.fromEntries(counts));
noteTried(
  "changed models, loaded and run",
  [...counts.values()].reduce((sum, count) => sum + count, 0),
);
if (child !== null) (child as ChildProcessWithoutNullStreams).kill();
await rm(folder, { recursive: true });
