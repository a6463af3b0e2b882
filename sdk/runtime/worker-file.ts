/** What a thread or process starts with. In the source tree Node strips its types; in the package it lies beside the bundle. */
export function workerFile(name: "worker" | "image-worker" | "int8-worker" | "network-worker" | "probe-process"): URL {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return new URL(`./${name}.${extension}`, import.meta.url);
}
