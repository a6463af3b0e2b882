import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { expected, expectedBut, isObject } from "../../sdk/kit.ts";
import type { Benchmark } from "./benchmark.ts";
import { checkBenchmark } from "./define-benchmark.ts";
import { benchmarks } from "./tasks/all.ts";

const MODULE = /\.[cm]?[jt]s$/;

/**
 * A built-in benchmark by its name, such as "pope", or your own by its file, such as "./skies.js": a module whose
 * default export is a benchmark. The module is run.
 * @throws INVALID_ARGUMENT for a name that is not known, or a module that cannot be loaded or exports no benchmark
 */
export async function findBenchmark(name: string): Promise<Benchmark> {
  if (MODULE.test(name)) return ownBenchmark(name);
  const found = benchmarks.find((benchmark) => benchmark.name === name);
  if (found) return found;
  const names = benchmarks.map((benchmark) => benchmark.name).join(", ");
  throw expected("INVALID_ARGUMENT", `one of ${names}, or the file of your own`, "the benchmark", name);
}

async function ownBenchmark(path: string): Promise<Benchmark> {
  const module: unknown = await import(pathToFileURL(resolve(path)).href).catch((cause: unknown) => {
    const received = cause instanceof Error ? cause.message : String(cause);
    throw expectedBut("INVALID_ARGUMENT", "a module that can be loaded", path, received, { path, cause });
  });
  const own = isObject(module) ? module.default : undefined;
  checkBenchmark(own, path);
  return own;
}
