/**
 * Measures what docs/speed.md says, one bench after the other on a machine where nothing else runs, and draws the page's ratios:
 *
 *   npm install --prefix bench && npm run build
 *   node scripts/speed/measure.ts <out> <folder of photos> [--only encode,ask]
 *
 * Each bench's tables go into <out>/<name>.md, as the page has them; its figures are replaced by hand, since the words around them say what
 * they mean. Models of random weights are made where they are missing, which takes Python with PyTorch. Takes some hours.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({ options: { only: { type: "string" } }, allowPositionals: true });
const [out, photos] = positionals.map((path) => resolve(path));
if (!out || !photos) throw new Error("Expected a folder to write to, and one of photos.");
const root = fileURLToPath(new URL("../..", import.meta.url));
const [models, intern, siglip, build] = ["models-for-bench", "intern", "siglip2-base", "mtmd"].map((name) =>
  join(out, name),
) as [string, string, string, string];

/** Runs to its end; what it prints is the result. */
function run(program: string, ...args: string[]): string {
  const { stdout, status, error } = spawnSync(program, args, {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status === 0) return stdout;
  throw new Error(`${[program, ...args].join(" ")} ended with ${status}.`, { cause: error });
}
const node = (...args: string[]) => run(process.execPath, ...args);
const make = (folder: string, script: string, ...args: string[]) =>
  existsSync(folder) || run("python", script, ...args);
const fullSize = (name: string, folder: string) =>
  make(folder, "scripts/full-size/make.py", name, folder, "examples/images/cat.jpg");

const benches: Record<string, () => string> = {
  encode() {
    make(models, "bench/encode/make_models.py", models);
    return node("bench/encode.ts", models);
  },
  decoding() {
    fullSize("siglip2-base-patch16-256", siglip);
    return node(
      "bench/decoding.ts",
      photos!,
      ...["default", "deit-tiny", siglip].flatMap((model) => ["--models", model]),
    );
  },
  widen() {
    fullSize("InternViT-300M-448px", intern);
    return node("bench/widen.ts", intern);
  },
  start: () => node("bench/start.ts"),
  ask: () => node("bench/first-token.ts") + node("bench/first-token.ts", "--busy", "2"),
  tiles() {
    const library = node("scripts/llama-server/build-mtmd.ts", build).trim();
    process.env.VQRAE_MTMD = library;
    return node("bench/tiles.ts") + node("bench/first-token-1b.ts", join(dirname(library), "llama-mtmd-cli"));
  },
  images: () => node("bench/generate.ts", "images", "--rounds", "3", "--ids", "20"),
};

mkdirSync(out, { recursive: true });
const names = values.only?.split(",") ?? Object.keys(benches);
for (const name of names) {
  const bench = benches[name];
  if (bench === undefined) throw new Error(`Expected some of ${Object.keys(benches).join(", ")} but received ${name}.`);
  console.log(name);
  writeFileSync(join(out, `${name}.md`), bench());
}
console.log(node("scripts/speed/plot.ts", "docs/speed.md", "docs/images/speed.svg"));
