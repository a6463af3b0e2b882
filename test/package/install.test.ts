import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import publicEntries from "../../entry-points.json" with { type: "json" };
import packageJson from "../../package.json" with { type: "json" };
import { INSTALL_MS, install, pack, root, run } from "./packed.ts";

/** The weights that ship are most of it; what this holds off is a picture set or a build that slipped in. */
const MOST_MIB = 80;

let folder: string;
let tarball: string;

/** The packed package in an empty project, as `npm install vqrae` brings it: without optional peers. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vqrae-install-"));
  tarball = await pack(folder);
  await install(join(folder, "project"), [tarball]);
}, INSTALL_MS);
afterAll(() => rm(folder, { recursive: true, force: true }));

const inProject = (file: string, ...args: string[]) => run(file, args, { cwd: join(folder, "project") });

describe("the package in an empty project", () => {
  it(`takes less than ${MOST_MIB} MiB`, async () => {
    expect((await stat(tarball)).size / 2 ** 20).toBeLessThan(MOST_MIB);
  });

  it("has every entry that the source has", () => {
    const subpaths = Object.keys(publicEntries).map((name) => (name === "index" ? "." : `./${name}`));
    expect(Object.keys(packageJson.exports).sort()).toEqual([...subpaths, "./package.json"].sort());
  });

  it("comes without the optional peers", async () => {
    const installed = await readdir(join(folder, "project/node_modules"));
    for (const peer of Object.keys(packageJson.peerDependencies)) expect(installed).not.toContain(peer);
  });

  it.each(Object.keys(publicEntries))("imports %s", async (name) => {
    const specifier = name === "index" ? "vqrae" : `vqrae/${name}`;
    const code = `console.log(Object.keys(await import(${JSON.stringify(specifier)})).length > 0)`;
    const { stdout, stderr } = await inProject(process.execPath, "--input-type=module", "-e", code);
    expect([stdout.trim(), stderr]).toEqual(["true", ""]);
  });

  it("turns a picture into ids and back on the command line", async () => {
    const photo = join(root, "examples/images/cat.jpg");
    const { stdout } = await inProject("npx", "vqrae", "reconstruct", photo, "out.png", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ output: "out.png" });
    expect((await stat(join(folder, "project/out.png"))).size).toBeGreaterThan(1000);
  });

  it("says which command installs a peer that is missing", async () => {
    const photo = join(root, "examples/images/cat.jpg");
    const failed = await inProject("npx", "vqrae", "ask", photo, "what is it?").catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining("npm install node-llama-cpp") });
  });
});
