/** In the source tree Node strips a worker's types; in the package it lies compiled beside the bundle. */
export function workerFile(name: "worker" | "int8-worker"): URL {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return new URL(`./${name}.${extension}`, import.meta.url);
}
