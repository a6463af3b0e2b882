import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { root, run } from "./packed.ts";

/** What costs every start of a process time: none of it is needed to say what a command does. */
const HEAVY = [
  "node_modules/onnxruntime-node",
  "node_modules/node-llama-cpp",
  "node_modules/sharp",
  "node_modules/hono",
  "node_modules/@huggingface",
  "node_modules/zod",
  "sdk/families/all.ts",
];

/** The packages' files, and the sources in the bundle's, that a command line has Node load. */
async function loadedBy(...args: string[]): Promise<string[]> {
  const hook = fileURLToPath(new URL("./list-modules.ts", import.meta.url));
  const cli = join(root, "dist/cli.js");
  await access(cli);
  const { stderr } = await run(process.execPath, ["--import", hook, cli, ...args]);
  const files = stderr.split("\n").filter((line) => line.startsWith("file:"));
  const sources = await Promise.all(files.map((file) => sourcesOf(fileURLToPath(file))));
  return sources.flat();
}

async function sourcesOf(file: string): Promise<string[]> {
  if (!file.startsWith(join(root, "dist"))) return [file];
  return JSON.parse(await readFile(`${file}.map`, "utf8")).sources;
}

const heavyOf = (sources: readonly string[]) => HEAVY.filter((name) => sources.some((source) => source.includes(name)));

describe("what the built command line loads", () => {
  it.each(["", "encode", "classify", "ask", "chat", "serve"])(
    "vqrae %s --help: nothing that takes long",
    async (name) => {
      const loaded = await loadedBy(...name.split(" ").filter(Boolean), "--help");
      expect(loaded.some((source) => source.endsWith("cli/run.ts"))).toBe(true);
      expect(heavyOf(loaded)).toEqual([]);
    },
  );

  it("vqrae inspect: the families and their schemas, and nothing that runs or serves a model", async () => {
    expect(heavyOf(await loadedBy("inspect"))).toEqual(["node_modules/zod", "sdk/families/all.ts"]);
  });
});
