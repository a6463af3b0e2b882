import { createHash } from "node:crypto";
import { cp, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { convertLlm } from "../../../adapters/gguf/index.ts";
import { isWeightDtype, narrowBF16, openTensors, readTensor, writeSafetensors } from "../../../sdk/kit.ts";

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

test.each(["F32", "F16"] as const)(
  "weights of torch.save in %s are llama.cpp's file too, in their own order",
  async (dtype) => {
    const expected = JSON.parse(await readFile(join(here, "expected-torch.json"), "utf8")); // make_torch.py
    const out = join(scratch, "torch.gguf");
    await convertLlm(join(here, "mistral-torch"), out, { dtype });
    const hash = createHash("sha256").update(await readFile(out));
    expect(hash.digest("hex")).toBe(expected[dtype.toLowerCase()]);
  },
);

test("Mistral's own layout is refused by its name", async () => {
  const folder = await mkdtemp(join(scratch, "mistral-layout-"));
  for (const name of ["params.json", "tekken.json"]) await writeFile(join(folder, name), "{}");
  await expect(convertLlm(folder, join(scratch, "x.gguf"))).rejects.toMatchObject({
    code: "UNSUPPORTED",
    path: join(folder, "params.json"),
    message: expect.stringMatching(/Mistral's own layout \(params.json\)\. Take the files of transformers/),
  });
});

/** A copy of a model with one file changed. */
async function changed(file: string, change: (text: string) => string, name = "Qwen3-0.1B-Instruct"): Promise<string> {
  const folder = await mkdtemp(join(scratch, "changed-"));
  await cp(join(here, name), folder, { recursive: true });
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

test.for([
  ["sliding_window_pattern", '"layer_types": [', '"sliding_window_pattern": 3, "layer_types": [', "UNSUPPORTED"],
  ["layer_types", '"full_attention"', '"sliding_attention"', "UNSUPPORTED"],
  ["attn_logit_softcapping", '"attn_logit_softcapping": null', '"attn_logit_softcapping": 50', "UNSUPPORTED"],
  ["query_pre_attn_scalar", '"query_pre_attn_scalar": 16', '"query_pre_attn_scalar": 256', "UNSUPPORTED"],
] as const)("Gemma 3 with a %s that llama.cpp does not compute is refused", async ([field, from, to, code]) => {
  const folder = await changed("config.json", (text) => text.replace(from, to), "gemma-3-tiny-it");
  const conversion = convertLlm(folder, join(folder, "out.gguf"));
  await expect(conversion).rejects.toMatchObject({ code, message: expect.stringContaining(field) });
});

test("Gemma without its tokenizer.model is an error that says where to find it", async () => {
  const folder = await changed("config.json", (text) => text, "gemma-3-tiny-it");
  await rm(join(folder, "tokenizer.model"));
  const conversion = convertLlm(folder, join(folder, "out.gguf"));
  await expect(conversion).rejects.toThrow(/tokenizer\.model.*model's own repository/);
});

test("a damaged tokenizer.model is an error, wherever it is cut", async () => {
  const folder = await changed("config.json", (text) => text, "vicuna-tiny-v1.5");
  const whole = await readFile(join(folder, "tokenizer.model"));
  for (const length of [0, 1, 3, 500]) {
    await writeFile(join(folder, "tokenizer.model"), whole.subarray(0, length));
    const conversion = convertLlm(folder, join(folder, "out.gguf"));
    await expect(conversion).rejects.toMatchObject({
      code: "INVALID_CONFIG",
      message: expect.stringContaining("tokenizer.model"),
    });
  }
});

test("experts as transformers 5 saves them give the file of those as the hub has them", async () => {
  const folder = join(await mkdtemp(join(scratch, "turned-")), "qwen3_vl_moe");
  await cp(join(here, "qwen3_vl_moe"), folder, { recursive: true });
  const tensors = await openTensors(folder);
  const turned = await Promise.all(
    [...tensors.values()].map(async ({ name, dtype, shape, file, offset, length }) => {
      if (!isWeightDtype(dtype)) throw new Error(dtype);
      const values = await readTensor({ name, dtype, shape, file, offset, length });
      const [count = 1, rows = 1, columns = 1] = shape;
      if (!name.includes(".experts.")) return { name, dtype, shape, data: narrowBF16(values) };
      const data = values.map((_, i) => {
        const expert = Math.floor(i / (rows * columns));
        const [to, from] = [Math.floor((i % (rows * columns)) / rows), i % rows];
        return values[expert * rows * columns + from * columns + to] ?? 0;
      });
      return { name, dtype, shape: [count, columns, rows], data: narrowBF16(data) };
    }),
  );
  await writeSafetensors(join(folder, "model.safetensors"), turned);
  const out = join(folder, "out.gguf");
  await convertLlm(folder, out, { dtype: "BF16", preTokenizer });
  const hash = createHash("sha256").update(await readFile(out));
  expect(hash.digest("hex")).toBe(expected.qwen3_vl_moe?.bf16);
});

test("shards that are links, as in the hub's cache, keep their order", async () => {
  const cache = await mkdtemp(join(scratch, "cache-"));
  const folder = join(cache, "mistral-tiny");
  await cp(join(here, "mistral-tiny"), folder, { recursive: true });
  for (const [i, name] of (await readdir(folder)).filter((file) => file.endsWith(".safetensors")).entries()) {
    await rename(join(folder, name), join(cache, `${9 - i}`));
    await symlink(join(cache, `${9 - i}`), join(folder, name));
  }
  const out = join(cache, "out.gguf");
  await convertLlm(folder, out, { dtype: "BF16" });
  const hash = createHash("sha256").update(await readFile(out));
  expect(hash.digest("hex")).toBe(expected["mistral-tiny"]?.bf16);
});

test("an abort leaves nothing", async () => {
  const folder = await changed("config.json", (text) => text);
  const abort = new AbortController();
  const onProgress = () => abort.abort(new Error("enough"));
  const out = join(folder, "out.gguf");
  await expect(convertLlm(folder, out, { preTokenizer, onProgress, signal: abort.signal })).rejects.toThrow("enough");
  expect((await readdir(folder)).filter((name) => name.includes("out.gguf"))).toEqual([]);
});
