import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expectedBut } from "../errors.ts";

/** The address of this module; undefined in a CommonJS file that a bundler made. */
const address: string | undefined = import.meta.url;
const isSource = address?.endsWith(".ts") === true;
let root: string | undefined;

/** The path of a file or folder that the package carries, such as "models/vqrae-tiny". @throws UNSUPPORTED, see `packageRoot` */
export function packageFile(path: string): string {
  root ??= packageRoot(address);
  return join(root, path);
}

/** What threads and processes of our own start with. In the package each is a file of its own name in dist/. */
const starts = {
  worker: "sdk/runtime/sessions/worker",
  "image-worker": "sdk/runtime/images/image-worker",
  "weights-worker": "sdk/runtime/made-weights/weights-worker",
  "network-worker": "sdk/runtime/networks/network-worker",
  "pool-host": "sdk/runtime/pool/pool-host",
  "probe-process": "sdk/runtime/devices/probe-process",
  "grammar-worker": "adapters/llama-cpp/grammar/grammar-worker",
  "template-process": "adapters/prompt/template/template-process",
} as const;

/** The file that a thread or process starts with. In the source tree Node strips its types. @throws UNSUPPORTED, see `packageRoot` */
export const workerFile = (name: keyof typeof starts): URL =>
  pathToFileURL(packageFile(isSource ? `${starts[name]}.ts` : `dist/${name}.js`));

/**
 * The package's folder, by the address of this module: one folder above dist/, or two above sdk/files/. Code that a bundler put
 * into another file takes the folder that is installed where the file lies. Files in Electron's app.asar, which threads and
 * native code cannot read, are those beside it.
 * @throws UNSUPPORTED where there is none, with the line that keeps the package out of a bundle or out of app.asar
 */
export function packageRoot(from: string | undefined): string {
  const own = from && fileURLToPath(new URL(from.endsWith(".ts") ? "../.." : "..", from));
  const folder = own !== undefined && isPackage(own) ? own : installed(from);
  const [, archive] = /^(.*[\\/][^\\/]+\.asar)[\\/]/.exec(folder) ?? [];
  if (archive === undefined) return folder;
  const beside = `${archive}.unpacked${folder.slice(archive.length)}`;
  if (existsSync(beside)) return beside;
  const mend =
    'Set `asarUnpack: ["**/node_modules/**"]` (electron-builder) or `asar: { unpack: "**/node_modules/**" }` (Forge).';
  throw expectedBut("UNSUPPORTED", "vqrae's files outside app.asar", "Electron", folder, `${mend} ${PAGE}`);
}

const PAGE = "See docs/bundlers.md.";

function isPackage(folder: string): boolean {
  try {
    return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).name === "vqrae";
  } catch {
    return false;
  }
}

function installed(from: string | undefined): string {
  const start = from ?? pathToFileURL(join(process.cwd(), "bundle.js")).href;
  try {
    return join(createRequire(start).resolve("vqrae/package.json"), "..");
  } catch (cause) {
    const received = `a bundle, ${from ?? "a CommonJS file"}, without node_modules/vqrae beside it`;
    const mend =
      'Keep it out of the bundle: `external: ["vqrae"]` (esbuild, Rollup, Vite\'s ssr), `externals: { vqrae: "module vqrae" }` ' +
      `(webpack), \`serverExternalPackages: ["vqrae"]\` (Next.js), and ship node_modules. ${PAGE}`;
    throw expectedBut("UNSUPPORTED", "the package's own files (workers, models)", "vqrae", received, { mend, cause });
  }
}
