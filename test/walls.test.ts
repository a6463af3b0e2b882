import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { expect, test } from "vitest";

/** Dependencies point one way; DESIGN and docs/architecture.md draw it. Each rule names who it is about and what they may import. */

const root = fileURLToPath(new URL("..", import.meta.url));

/** The faces of a room: what other rooms may import of it. */
const sdkFaces = [
  "sdk/index.ts",
  "sdk/kit.ts",
  "sdk/evaluation/index.ts",
  "sdk/metrics/index.ts",
  "sdk/testing/index.ts",
];

/** What adapters share: contracts and small tools at the top of adapters/. */
const isShared = (file: string): boolean => /^adapters\/[^/]+\.ts$/.test(file);
const adapterOf = (file: string): string | undefined => /^adapters\/([^/]+)\//.exec(file)?.[1];

/** Adapters that take any model of a contract: they must not reach for one kind of it. */
const ANY_MODEL = new Map([
  ["openai", ["llama-cpp"]],
  ["ai-sdk", ["llama-cpp"]],
  ["openai-client", ["llama-cpp"]],
]);

interface Import {
  readonly from: string;
  readonly to: string;
}

function sourceFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll("\\", "/"));
}

const files = ["sdk", "adapters", "cli"].flatMap(sourceFiles);

/** Every import and re-export of a file of ours, types and `import()` included. */
const imports: readonly Import[] = files.flatMap((from) =>
  ts
    .preProcessFile(readFileSync(join(root, from), "utf8"), true, true)
    .importedFiles.filter(({ fileName }) => fileName.startsWith("."))
    .map(({ fileName }) => ({ from, to: normalize(join(dirname(from), fileName)).replaceAll("\\", "/") })),
);

const broken = (rule: (one: Import) => boolean): string[] =>
  imports.filter((one) => !rule(one)).map(({ from, to }) => `${from} imports ${to}`);

test("the SDK imports nothing of the other rooms", () => {
  expect(broken(({ from, to }) => !from.startsWith("sdk/") || to.startsWith("sdk/") || to === "package.json")).toEqual(
    [],
  );
});

test("adapters, the CLI and whoever else is outside reach the SDK by its faces", () => {
  expect(broken(({ from, to }) => from.startsWith("sdk/") || !to.startsWith("sdk/") || sdkFaces.includes(to))).toEqual(
    [],
  );
});

test("an adapter reaches another by its index, and no adapter imports the CLI", () => {
  const allowed = ({ from, to }: Import) =>
    !from.startsWith("adapters/") ||
    (!to.startsWith("cli/") &&
      (!to.startsWith("adapters/") || isShared(to) || adapterOf(to) === adapterOf(from) || to.endsWith("/index.ts")));
  expect(broken(allowed)).toEqual([]);
});

test("the CLI reaches an adapter by its index", () => {
  const allowed = ({ from, to }: Import) =>
    !from.startsWith("cli/") || !to.startsWith("adapters/") || isShared(to) || to.endsWith("/index.ts");
  expect(broken(allowed)).toEqual([]);
});

test("what serves any model does not reach for llama.cpp", () => {
  const allowed = ({ from, to }: Import) => !(ANY_MODEL.get(adapterOf(from) ?? "") ?? []).includes(adapterOf(to) ?? "");
  expect(broken(allowed)).toEqual([]);
});

test("no imports go round in a circle", () => {
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start >= 0) circles.push([...path.slice(start), file].join(" -> "));
    if (start >= 0 || done.has(file)) return;
    for (const { to } of imports.filter(({ from }) => from === file)) visit(to, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  expect(circles).toEqual([]);
});

test("no file is longer than 400 lines, no folder has more than 20 files", () => {
  const long = files.filter((file) => readFileSync(join(root, file), "utf8").split("\n").length > 401);
  expect(long).toEqual([]);
  const folders = [...new Set(files.map((file) => dirname(file)))];
  const crowded = folders.filter((folder) => files.filter((file) => dirname(file) === folder).length > 20);
  expect(crowded).toEqual([]);
});

test("zod is imported as a namespace: a bundler drops what nobody uses of it, the languages of its messages above all", () => {
  const whole = /import (?:\{[^}]*\bz\b|z\b).* from "zod"|\bz\.(?:core|locales)\.(?!\$)/;
  expect(files.filter((file) => whole.test(readFileSync(join(root, file), "utf8")))).toEqual([]);
});

test("signals are joined by a LinkedAbortController: each AbortSignal.any leaves memory in signals that live on", () => {
  const source = (file: string) => readFileSync(join(root, file), "utf8").replaceAll(/\/\*[\s\S]*?\*\//g, "");
  expect(files.filter((file) => source(file).includes("AbortSignal.any"))).toEqual([]);
});
