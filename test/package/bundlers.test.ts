import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { INSTALL_MS, install, pack, run } from "./packed.ts";

/** docs/bundlers.md: the package in what bundlers make of a program, kept out of it and put into it. */

const bundlers = ["esbuild@0.28", "rollup@4", "webpack@5", "webpack-cli@7", "vite@8"];
const plugins = ["@rollup/plugin-node-resolve", "@rollup/plugin-commonjs", "@rollup/plugin-json"];
/** What no bundler can put into a file. */
const native = ["onnxruntime-node", "sharp"];

const program = `
import { VQRAE } from "vqrae";
async function main() {
  const tokenizer = await VQRAE.load("default", { threads: 1 });
  const { ids } = await tokenizer.encode({ width: 8, height: 8, data: new Uint8Array(192).fill(99) });
  const { width } = await tokenizer.decode(ids);
  await tokenizer.dispose();
  return { ids: ids.length, width };
}
main().then(
  (result) => console.log(JSON.stringify(result)),
  ({ code, message }) => console.log(JSON.stringify({ code, message })),
);
`;
const works = { ids: 196, width: 112 };

let folder: string;
let tarball: string;
let project: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vqrae-bundlers-"));
  project = join(folder, "project");
  tarball = await pack(folder);
  await install(project, [tarball, ...bundlers, ...plugins], "--ignore-scripts");
  await writeFile(join(project, "app.js"), program);
}, INSTALL_MS);
afterAll(() => rm(folder, { recursive: true, force: true }));

const bin = (name: string, ...args: string[]) =>
  run(process.execPath, [join(project, "node_modules", binaries[name]!), ...args], { cwd: project });
const binaries: Record<string, string> = {
  esbuild: "esbuild/bin/esbuild",
  rollup: "rollup/dist/bin/rollup",
  webpack: "webpack-cli/bin/cli.js",
  vite: "vite/bin/vite.js",
};

async function esbuild(out: string, external: string[], format: string): Promise<string> {
  const flags = external.map((name) => `--external:${name}`);
  await bin("esbuild", "app.js", "--bundle", "--platform=node", `--format=${format}`, ...flags, `--outfile=${out}`);
  return out;
}

async function rollup(out: string, external: string[]): Promise<string> {
  const config = `
    import commonjs from "@rollup/plugin-commonjs";
    import json from "@rollup/plugin-json";
    import resolve from "@rollup/plugin-node-resolve";
    export default {
      input: "app.js",
      external: ${JSON.stringify(external)},
      output: { file: ${JSON.stringify(out)}, format: "es", inlineDynamicImports: true },
      plugins: [resolve({ preferBuiltins: true }), commonjs(), json()],
    };`;
  await writeFile(join(project, "rollup.config.js"), config);
  await bin("rollup", "-c", "--silent");
  return out;
}

async function webpack(out: string, external: string[]): Promise<string> {
  const externals = Object.fromEntries(external.map((name) => [name, `module ${name}`]));
  const output = { path: join(project, dirname(out)), filename: basename(out), module: true, chunkFormat: "module" };
  const config = { mode: "production", target: "node22", entry: "./app.js", externals, output };
  const more = { experiments: { outputModule: true }, optimization: { minimize: false } };
  await writeFile(join(project, "webpack.config.js"), `export default ${JSON.stringify({ ...config, ...more })};`);
  await bin("webpack", "-c", "webpack.config.js");
  return out;
}

async function vite(out: string, ssr: object): Promise<string> {
  const config = { logLevel: "error", build: { ssr: "app.js", outDir: dirname(out) }, ssr };
  await writeFile(join(project, "vite.config.js"), `export default ${JSON.stringify(config)};`);
  await bin("vite", "build");
  return out;
}

const cases: Record<string, { external: () => Promise<string>; inlined: () => Promise<string> }> = {
  "esbuild, ESM": {
    external: () => esbuild("out/esbuild/external.mjs", ["vqrae"], "esm"),
    inlined: () => esbuild("out/esbuild/inlined.mjs", native, "esm"),
  },
  "esbuild, CommonJS": {
    external: () => esbuild("out/esbuild/external.cjs", ["vqrae"], "cjs"),
    inlined: () => esbuild("out/esbuild/inlined.cjs", native, "cjs"),
  },
  Rollup: {
    external: () => rollup("out/rollup/external.mjs", ["vqrae"]),
    inlined: () => rollup("out/rollup/inlined.mjs", native),
  },
  webpack: {
    external: () => webpack("out/webpack/external.mjs", ["vqrae"]),
    inlined: () => webpack("out/webpack/inlined.mjs", native),
  },
  "Vite SSR": {
    external: () => vite("out/vite/app.js", {}),
    inlined: () => vite("out/vite-inlined/app.js", { noExternal: true, external: native }),
  },
};

describe.each(Object.entries(cases))("%s", (_, { external, inlined }) => {
  it("kept out of the bundle, it works", { timeout: INSTALL_MS }, async () => {
    expect(await start(join(project, await external()))).toEqual(works);
  });

  it("inside the bundle, it works beside node_modules; alone it names the line that mends it", {
    timeout: INSTALL_MS,
  }, async () => {
    const file = join(project, await inlined());
    expect(await start(file)).toEqual(works);
    const alone = await mkdtemp(join(folder, "alone-"));
    await cp(dirname(file), alone, { recursive: true });
    await writeFile(join(alone, "package.json"), '{"type":"module"}');
    await linkNative(alone);
    // webpack writes down where the package lay when it built the file: there is none there on another machine either.
    const [there, away] = [join(project, "node_modules/vqrae"), join(project, "away")];
    await rename(there, away);
    const result = await start(join(alone, basename(file))).finally(() => rename(away, there));
    const message = expect.stringMatching(/`external: \["vqrae"\]` .* docs\/bundlers\.md/);
    expect(result).toEqual({ code: "UNSUPPORTED", message });
  });
});

describe("Next.js, output: standalone", () => {
  const route = program
    .replace("main().then", "export const dynamic = 'force-dynamic';\nexport const GET = () => main().then")
    .replaceAll("console.log(JSON.stringify(", "Response.json((");
  const layout = "export default ({ children }) => <html><body>{children}</body></html>;";
  const native = `onnxruntime-node/bin/**/${process.platform}/${process.arch}/*`;
  const files = { "/*": ["vqrae/**/*", native, "@img/**/*"].map((path) => `./node_modules/${path}`) };
  let app: string;

  beforeAll(async () => {
    app = join(folder, "next");
    await install(app, [tarball, "next@16", "react", "react-dom"], "--ignore-scripts");
    await mkdir(join(app, "app/api"), { recursive: true });
    await writeFile(join(app, "app/layout.js"), layout);
    await writeFile(join(app, "app/api/route.js"), route);
  }, INSTALL_MS);

  /** What the server answers, in a copy of its folder elsewhere. */
  async function answer(config: object): Promise<unknown> {
    const all = { output: "standalone", outputFileTracingRoot: app, ...config };
    await writeFile(join(app, "next.config.mjs"), `export default ${JSON.stringify(all)};`);
    const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1", NODE_ENV: "production" as const };
    await run(process.execPath, ["node_modules/next/dist/bin/next", "build"], { cwd: app, env, maxBuffer: 2 ** 26 });
    const alone = await mkdtemp(join(folder, "standalone-"));
    await cp(join(app, ".next/standalone"), alone, { recursive: true, verbatimSymlinks: true });
    await rm(join(app, ".next"), { recursive: true });
    const port = await freePort();
    const server = spawn(process.execPath, ["server.js"], {
      cwd: alone,
      env: { ...env, PORT: String(port), HOSTNAME: "127.0.0.1" },
      stdio: "ignore",
    });
    try {
      for (let i = 0; i < 100; i++) {
        const response = await fetch(`http://127.0.0.1:${port}/api`).catch(() => null);
        if (response) return await response.json();
        await setTimeout(200);
      }
      throw new Error("Expected the server to answer within 20 s but received nothing.");
    } finally {
      server.kill();
    }
  }

  it("kept out of the bundle, with its files traced, it works", { timeout: INSTALL_MS }, async () => {
    const config = { serverExternalPackages: ["vqrae"], outputFileTracingIncludes: files };
    expect(await answer(config)).toEqual(works);
  });

  it("without its files, the error names the page with the line", { timeout: INSTALL_MS }, async () => {
    const result = await answer({ serverExternalPackages: ["vqrae"] });
    expect(result).toEqual({ code: "CHECKPOINT_NOT_FOUND", message: expect.stringContaining("docs/bundlers.md") });
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("Expected a port but received none.");
  return address.port;
}

const start = async (file: string): Promise<unknown> =>
  JSON.parse((await run(process.execPath, [file], { cwd: dirname(file) })).stdout);

/** The native packages and theirs, all but vqrae. */
async function linkNative(target: string): Promise<void> {
  await mkdir(join(target, "node_modules"));
  for (const name of await readdir(join(project, "node_modules"))) {
    if (name === "vqrae" || name.startsWith(".")) continue;
    await symlink(join(project, "node_modules", name), join(target, "node_modules", name));
  }
}
