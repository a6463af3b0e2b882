/** Runs a benchmark in a process of its own, writes down what it asks, and dies at the fifth question. */
import { appendFileSync } from "node:fs";
import { benchmarks, runBenchmark } from "../../../adapters/benchmarks/index.ts";
import { ScriptedModel } from "./scripted-model.ts";

const [path, out, log] = process.argv.slice(2) as [string, string, string];
let asked = 0;
const model = new ScriptedModel((prompt) => {
  appendFileSync(log, `${prompt}\n`);
  if (++asked === 5) process.kill(process.pid, "SIGKILL");
  return "yes";
});
const easyVqa = benchmarks.find(({ name }) => name === "easy-vqa")!;
await runBenchmark(easyVqa, { model, data: { path }, out });
