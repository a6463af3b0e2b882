import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import publicEntries from "../../entry-points.json" with { type: "json" };
import { shapes, writeWeights } from "../golden/tokenizers/weights.ts";

/** Every TypeScript block of the README and the guides runs as it stands, on the shipped model. */
const root = fileURLToPath(new URL("../..", import.meta.url));
const sources = Object.fromEntries(
  Object.entries(publicEntries).map(([name, file]) => [
    name === "index" ? "vqrae" : `vqrae/${name}`,
    pathToFileURL(join(root, file)).href,
  ]),
);

async function examples(): Promise<{ name: string; code: string }[]> {
  const guides = (await readdir(join(root, "docs"))).filter((name) => name.endsWith(".md")).map((n) => `docs/${n}`);
  const found = [];
  for (const file of ["README.md", ...guides]) {
    const text = await readFile(join(root, file), "utf8");
    const blocks = [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)];
    found.push(...blocks.map((block, i) => ({ name: `${file}, block ${i + 1}`, code: block[1]! })));
  }
  return found;
}

describe("documentation examples", async () => {
  const all = await examples();
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "vqrae-docs-"));
    await symlink(join(root, "node_modules"), join(folder, "node_modules"));
    // The examples name files as a user in the repository would.
    await symlink(join(root, "examples"), join(folder, "examples"));
    await symlink(join(root, "models/vqrae-tiny"), join(folder, "my-tokenizer"));
    await symlink(join(root, "test/golden/projector/llava-next"), join(folder, "my-vlm"));
    await symlink(join(root, "test/golden/vit-swap/llava-1.5/encoder"), join(folder, "my-encoder"));
    await symlink(join(root, "test/golden/prompt/qwen2-vl"), join(folder, "my-qwen2-vl"));
    // Small weights with the names of LlamaGen's, whose own file is not here.
    await writeWeights(join(folder, "llamagen.safetensors"), shapes.llamagen ?? {});
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("are there", () => expect(all.length).toBeGreaterThan(0));

  it.each(all)("$name", async ({ code }) => {
    const script = join(folder, `example-${Math.random().toString(36).slice(2)}.ts`);
    const runnable = code
      .replaceAll(/from "(vqrae(?:\/[\w-]+)?)"/g, (_, name: string) => `from "${sources[name]}"`)
      .replaceAll("vq_ds16_c2i.pt", "llamagen.safetensors");
    await writeFile(script, runnable);
    const env = { ...process.env, NODE_NO_WARNINGS: "1" }; // type stripping announces itself as experimental
    const { stderr } = await promisify(execFile)(process.execPath, [script], { cwd: folder, env });
    expect(stderr).toBe("");
  });
});
