import { execFile } from "node:child_process";
import { access, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { onTestFinished } from "vitest";

export const run = promisify(execFile);
export const root = fileURLToPath(new URL("../..", import.meta.url));
export const INSTALL_MS = 300_000;

/** The package as `npm publish` would send it: the path of its tarball in `folder`. */
export async function pack(folder: string): Promise<string> {
  await access(join(root, "dist/index.js")).catch(() => {
    throw new Error("Expected a build in dist but received none. Run: npm run build");
  });
  await run("npm", ["pack", "--ignore-scripts", "--pack-destination", folder], { cwd: root });
  const name = (await readdir(folder)).find((name) => name.endsWith(".tgz"));
  if (name === undefined) throw new Error(`Expected a tarball in ${folder} but received none.`);
  return join(folder, name);
}

/** Makes an empty project and installs `packages` in it, as a user does. */
export async function install(project: string, packages: readonly string[], ...flags: string[]): Promise<void> {
  await mkdir(project, { recursive: true });
  await writeFile(join(project, "package.json"), JSON.stringify({ name: "empty", private: true, type: "module" }));
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip" };
  const quiet = ["--no-audit", "--no-fund", "--prefer-offline"];
  await run("npm", ["install", ...quiet, ...flags, ...packages], { cwd: project, env, maxBuffer: 2 ** 26 });
}

/** A folder that is gone after the test. */
export async function testFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "vqrae-package-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
