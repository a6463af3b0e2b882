import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import type { Listening, RequestLog } from "../../adapters/openai/index.ts";
import { encodePng } from "../../sdk/index.ts";
import { loadTinyModels, serveTiny, type TinyModels } from "../helpers/tiny-endpoint.ts";
import { picture } from "../standalone/runtime/fixtures/tiny.ts";

/** The programs of docs/clients run as they stand, against a server of small models; the settings of other clients are read. */
const root = fileURLToPath(new URL("../..", import.meta.url));
const pages = (await readdir(join(root, "docs/clients"))).filter((name) => name !== "README.md");
const blocks = async (kind: string) => {
  const found = [];
  for (const page of pages) {
    const text = await readFile(join(root, "docs/clients", page), "utf8");
    for (const [, code] of text.matchAll(new RegExp(`^\`\`\`${kind}\\n([\\s\\S]*?)^\`\`\``, "gm"))) {
      found.push({ page, code: code! });
    }
  }
  return found;
};

let models: TinyModels;
let server: Listening & { readonly errors: unknown[] };
let folder: string;
const logs: RequestLog[] = [];
beforeAll(async () => {
  models = await loadTinyModels();
  server = await serveTiny(models, { onRequest: (log) => logs.push(log) });
  folder = await mkdtemp(join(tmpdir(), "vqrae-clients-"));
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
  await writeFile(join(folder, "photo.png"), await encodePng(picture(40, 30)));
}, 180_000);
afterEach(() => {
  expect(server.errors).toEqual([]);
  logs.length = 0;
});
afterAll(async () => {
  await server.close();
  await models[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const programs = await blocks("js");

test("there is a program of each npm client", () => {
  expect([...new Set(programs.map(({ page }) => page))].sort()).toEqual([
    "ai-sdk.md",
    "anthropic.md",
    "langchain.md",
    "ollama.md",
    "openai.md",
  ]);
});

test.each(programs)("the program of $page", { timeout: 120_000 }, async ({ page, code }) => {
  const script = join(folder, `${page}.mjs`);
  const here = code.replaceAll("http://127.0.0.1:8080", server.url).replaceAll("vqrae-tiny-vlm", "tiny-vlm");
  await writeFile(script, `import { readFile } from "node:fs/promises";\n${here}`);
  const { stderr } = await promisify(execFile)(process.execPath, [script], { cwd: folder });
  expect(stderr).toBe("");
  expect(logs.length).toBeGreaterThan(0);
  for (const { status, warnings } of logs) expect({ status, warnings }).toEqual({ status: 200, warnings: [] });
});

test.each(await blocks("yaml"))("the settings of $page name the address of the server and its model", ({ code }) => {
  const text = JSON.stringify(parse(code));
  expect(text).toContain('"http://127.0.0.1:8080/v1"');
  expect(text).toContain('"vqrae-tiny-vlm"');
});
