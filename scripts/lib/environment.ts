import { readFile } from "node:fs/promises";
import { cpus } from "node:os";

/** One line for every table of figures: the machine, the versions and the date. */
export async function environment(): Promise<string> {
  const version = async (name: string): Promise<string> => {
    const manifest = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
    return JSON.parse(await readFile(manifest, "utf8")).version;
  };
  const [first, ...others] = cpus();
  return [
    `${first?.model.trim() ?? "unknown processor"}, ${others.length + 1} cores`,
    `Node ${process.versions.node}`,
    `onnxruntime-node ${await version("onnxruntime-node")}`,
    new Date().toISOString().slice(0, 10),
  ].join("; ");
}
