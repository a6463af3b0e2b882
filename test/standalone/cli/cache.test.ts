import { mkdir, readdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { VQRAE } from "../../../sdk/index.ts";
import { temporaryFolder } from "../checkpoint/temporary.ts";
import { runCli } from "./run-cli.ts";

const run = async (cacheDir: string, ...args: string[]) => {
  const { code, stdout } = await runCli("cache", "--cache-dir", cacheDir, "--json", ...args);
  expect(code).toBe(0);
  return JSON.parse(stdout);
};

test("`vqrae cache` lists what loading made, and clears that alone; it is made again", async () => {
  const cacheDir = await temporaryFolder();
  expect(await run(join(cacheDir, "none"))).toMatchObject({ bytes: 0, files: [] });
  const load = () => VQRAE.load("default", { device: "cpu", precision: "int8", cacheDir });
  await (await load()).dispose();
  const llm = join(cacheDir, "llm");
  await mkdir(llm);
  const model = join(llm, "Qwen-0123456789abcdef.gguf");
  await writeFile(model, "x".repeat(1000));
  await writeFile(`${model}.crc32`, "0 1000");
  // What somebody else put there, and what is being made.
  await writeFile(join(cacheDir, "notes.safetensors"), "mine");
  await writeFile(join(llm, "mine.gguf"), "mine");
  await writeFile(join(llm, "Other-0123456789abcdef.gguf"), "half");
  await writeFile(join(llm, "Other-0123456789abcdef.gguf.lock"), "");

  const found = await run(cacheDir);
  expect(found.files.map(({ kind }: { kind: string }) => kind)).toEqual(["language model", "weights"]);
  expect(found.bytes).toBeGreaterThan(1_000_000);
  const long = new Date(Date.now() - 40 * 86_400_000);
  await utimes(model, long, long);
  expect(await run(cacheDir, "--unused-for", "30")).toMatchObject({ files: [{ file: model }], cleared: false });
  expect(await run(cacheDir, "--unused-for", "30", "--clear")).toMatchObject({ files: [{ file: model }], kept: [] });
  expect((await readdir(llm)).sort()).toEqual([
    "Other-0123456789abcdef.gguf",
    "Other-0123456789abcdef.gguf.lock",
    "mine.gguf",
  ]);
  await run(cacheDir, "--clear");
  expect((await readdir(cacheDir)).sort()).toEqual(["llm", "notes.safetensors"]);
  await (await load()).dispose();
  expect((await run(cacheDir)).files).toHaveLength(1);
}, 120_000);

test("people read its size and place", async () => {
  const cacheDir = await temporaryFolder();
  const file = `${"a".repeat(64)}.safetensors`;
  await writeFile(join(cacheDir, file), new Uint8Array(2_500_000));
  const { stdout } = await runCli("cache", "--cache-dir", cacheDir);
  expect(stdout).toContain(`2.5 MB  ${new Date().toISOString().slice(0, 10)}  weights  ${join(cacheDir, file)}`);
  expect(stdout).toContain(`${cacheDir}: 1 file, 2.5 MB`);
  expect((await runCli("cache", "--unused-for", "-1")).code).not.toBe(0);
});
