import { readFile } from "node:fs/promises";
import { cpus } from "node:os";

/** One line for every table of figures: the machine, the versions of what was measured and the date. */
export async function environment(...packages: readonly string[]): Promise<string> {
  const measured = packages.length > 0 ? packages : ["onnxruntime-node"];
  const version = async (name: string): Promise<string> => {
    const manifest = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
    return JSON.parse(await readFile(manifest, "utf8")).version;
  };
  const [first, ...others] = cpus();
  return [
    `${first?.model.trim() ?? "unknown processor"}, ${others.length + 1} cores`,
    `Node ${process.versions.node}`,
    ...(await Promise.all(measured.map(async (name) => `${name} ${await version(name)}`))),
    new Date().toISOString().slice(0, 10),
  ].join("; ");
}
