import { createHash } from "node:crypto";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { convertLlm } from "../../../adapters/gguf/index.ts";

/** `expected.json` has the SHA-256 of what llama.cpp's own converter writes; make_models.py made it. */
const here = fileURLToPath(new URL(".", import.meta.url));
const expected: Record<string, Record<string, string>> = JSON.parse(
  await readFile(join(here, "expected.json"), "utf8"),
);
const dtypes = ["F32", "F16", "BF16", "Q8_0", "auto"] as const;
const preTokenizer = "qwen2";

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "vqrae-convert-llm-"));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

test.for(Object.keys(expected).flatMap((name) => dtypes.map((dtype) => [name, dtype] as const)))(
  "%s in %s is llama.cpp's file, byte for byte",
  async ([name, dtype]) => {
    const out = join(scratch, "model.gguf");
    await convertLlm(join(here, name), out, { dtype, preTokenizer });
    const hash = createHash("sha256")
      .update(await readFile(out))
      .digest("hex");
    expect(hash).toBe(expected[name]?.[dtype.toLowerCase()]);
  },
);

/** A copy of a model with one file changed. */
async function changed(file: string, change: (text: string) => string): Promise<string> {
  const folder = await mkdtemp(join(scratch, "changed-"));
  await cp(join(here, "Qwen3-0.1B-Instruct"), folder, { recursive: true });
  await writeFile(join(folder, file), change(await readFile(join(folder, file), "utf8")));
  return folder;
}

test("a pre-tokenizer that is not known is an error with its hash, and the option that names one", async () => {
  const conversion = convertLlm(join(here, "qwen2-tiny"), join(scratch, "x.gguf"));
  await expect(conversion).rejects.toThrow(/hash is [0-9a-f]{64}.*preTokenizer/);
});

test.for([
  ["config.json", '"model_type": "qwen3"', '"model_type": "mamba"', "UNSUPPORTED"],
  ["config.json", '"num_hidden_layers": 1', '"num_hidden_layers": 2', "INVALID_CHECKPOINT"],
  ["config.json", '"vocab_size": 272', '"vocab_size": 200', "INCOMPATIBLE"],
  ["config.json", '"hidden_size": 32', '"hidden_size": -1', "INVALID_CONFIG"],
  ["config.json", '"rope_type": "default"', '"rope_type": "longrope"', "UNSUPPORTED"],
  ["tokenizer.json", '"byte_fallback": false', '"byte_fallback": true', "UNSUPPORTED"],
  ["tokenizer.json", "{", "[", "INVALID_CONFIG"],
] as const)("%s with %s as %s is %s, and nothing is written", async ([file, from, to, code]) => {
  const folder = await changed(file, (text) => {
    expect(text).toContain(from);
    return text.replace(from, to);
  });
  const out = join(folder, "out.gguf");
  await expect(convertLlm(folder, out, { preTokenizer })).rejects.toMatchObject({ name: "VqraeError", code });
  expect((await readdir(folder)).filter((name) => name.includes("out.gguf"))).toEqual([]);
});

test("an abort leaves nothing", async () => {
  const folder = await changed("config.json", (text) => text);
  const abort = new AbortController();
  const onProgress = () => abort.abort(new Error("enough"));
  const out = join(folder, "out.gguf");
  await expect(convertLlm(folder, out, { preTokenizer, onProgress, signal: abort.signal })).rejects.toThrow("enough");
  expect((await readdir(folder)).filter((name) => name.includes("out.gguf"))).toEqual([]);
});
