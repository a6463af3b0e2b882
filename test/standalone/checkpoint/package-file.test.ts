import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { packageRoot } from "../../../sdk/files/package-file.ts";
import { temporaryFolder } from "./temporary.ts";

const at = (...path: string[]) => pathToFileURL(join(...path)).href;

async function installedIn(...path: string[]): Promise<string> {
  const folder = join(...path, "node_modules/vqrae");
  await mkdir(join(folder, "dist"), { recursive: true });
  await writeFile(join(folder, "package.json"), '{"name":"vqrae"}');
  return folder;
}
const trimmed = (path: string) => path.replace(/[\\/]$/, "");

test("a module of the package's own lies in its folder", async () => {
  const folder = await installedIn(await temporaryFolder());
  expect(trimmed(packageRoot(at(folder, "dist/chunk.js")))).toBe(folder);
});

test("code inside a bundle takes the package that is installed there", async () => {
  const app = await temporaryFolder();
  const folder = await installedIn(app);
  expect(trimmed(packageRoot(at(app, "out/app.js")))).toBe(folder);
});

test("without one, the error names the line for each bundler", async () => {
  const error = () => packageRoot(at("/nowhere", "app.js"));
  expect(error).toThrow(/a bundle, file:.*nowhere.* without node_modules\/vqrae beside it/);
  for (const line of [/external: \["vqrae"\]/, /externals: \{ vqrae: "module vqrae" \}/, /serverExternalPackages/]) {
    expect(error).toThrow(line);
  }
});

test("in Electron's app.asar, its files are those beside it", async () => {
  const resources = await temporaryFolder();
  const inside = await installedIn(resources, "app.asar");
  const module = at(inside, "dist/chunk.js");
  expect(() => packageRoot(module)).toThrow(/outside app\.asar .*asarUnpack: \["\*\*\/node_modules\/\*\*"\]/);
  const beside = await installedIn(resources, "app.asar.unpacked");
  expect(trimmed(packageRoot(module))).toBe(beside);
});
