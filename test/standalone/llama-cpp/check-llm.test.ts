import { rename, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { type GgufValue, ggufValue, readGguf, rewriteGguf } from "../../../adapters/gguf/index.ts";
import { checkLlm } from "../../../adapters/llama-cpp/check/check-llm.ts";
import { openLanguageModel } from "../../../adapters/llama-cpp/index.ts";
import { type TinyArchitecture, tinyArchitectures, writeTinyLlm } from "../../helpers/tiny-llm.ts";
import { temporaryFolder } from "../checkpoint/temporary.ts";

const { uint32, string, float32, strings, int32s } = ggufValue;

async function tiny(architecture: TinyArchitecture = "llama") {
  const folder = await temporaryFolder();
  const { path } = await writeTinyLlm(join(folder, "whole.gguf"), architecture);
  return { path, other: join(folder, "other.gguf"), folder };
}

const check = async (path: string) => checkLlm(await readGguf(path), path);

describe("a language model's file", () => {
  it.each(tinyArchitectures)("of %s passes as it is", async (architecture) => {
    await check((await tiny(architecture)).path);
  });

  /** Each of them ends the process in llama.cpp 0.5.0, by an assertion, an exception or a division by zero. */
  const values: readonly [TinyArchitecture, string, GgufValue | null][] = [
    ["llama", "llama.block_count", uint32(0)],
    ["llama", "llama.block_count", uint32(513)],
    ["llama", "llama.embedding_length", uint32(0)],
    ["llama", "llama.attention.head_count", uint32(0)],
    ["gemma3", "gemma3.attention.head_count", null],
    ["llama", "llama.attention.head_count_kv", uint32(3)],
    ["qwen3", "qwen3.attention.head_count_kv", uint32(0)],
    ["qwen2vl", "qwen2vl.attention.head_count", uint32(64)],
    ["llama", "llama.attention.value_length", uint32(8)],
    ["llama", "llama.rope.dimension_count", uint32(64)],
    ["qwen2vl", "qwen2vl.rope.dimension_sections", int32s([0, 0, 0, 0])],
    ["llama", "llama.rope.scaling.type", string("elastic")],
    ["llama", "llama.attention.layer_norm_rms_epsilon", float32(-1)],
    ["llama", "llama.attention.layer_norm_rms_epsilon", float32(Number.NaN)],
    ["gemma3", "gemma3.feed_forward_length", null],
    ["llama", "llama.expert_count", uint32(1025)],
    ["llama", "llama.expert_used_count", uint32(2)],
    ["llama", "llama.nextn_predict_layers", uint32(9)],
    ["qwen2vl", "qwen2vl.pooling_type", uint32(64)],
    ["llama", "split.count", { type: "uint16", value: 2 }],
    ["llama", "split.count", uint32(1)],
    ["llama", "split.count", string("1")],
    ["llama", "general.alignment", uint32(16)],
    ["llama", "tokenizer.ggml.model", string("no_vocab")],
    ["llama", "tokenizer.ggml.model", string("bert")],
    ["llama", "tokenizer.ggml.tokens", strings(["<unk>", "<s>", "<s>"])],
    ["llama", "tokenizer.ggml.tokens", strings(["[EMPTY_1]", "", "b"])],
    ["llama", "tokenizer.ggml.tokens", strings(["<unk>", "<s>", "</s>"])],
  ];
  it.each(values)("of %s with %s = %o is refused by that key", async (architecture, key, value) => {
    const { path, other } = await tiny(architecture);
    const changes =
      value === null ? { without: (name: string) => name === key } : { metadata: [[key, value] as const] };
    await rewriteGguf(path, other, changes);
    const named = key.includes("tokens") ? /token|vocabulary/ : new RegExp(`${key.split(".").at(-1)}|heads`);
    await expect(check(other)).rejects.toMatchObject({
      code: "INVALID_GGUF",
      message: expect.stringMatching(named),
    });
  });

  it("with a norm in 16 bits, or a weight of whole numbers, is refused by the tensor", async () => {
    const { path, other } = await tiny();
    const norm = { name: "output_norm.weight", type: "F16" as const, shape: [64], data: new Uint16Array(64) };
    await rewriteGguf(path, other, { tensors: [norm] });
    await expect(check(other)).rejects.toMatchObject({ message: expect.stringContaining("output_norm.weight") });
    const { tensors } = await readGguf(path);
    const shape = tensors.get("token_embd.weight")?.shape ?? [];
    const size = shape.reduce((product, one) => product * one, 1);
    const table = { name: "token_embd.weight", type: "I32" as const, shape, data: new Int32Array(size) };
    await rewriteGguf(path, other, { tensors: [table] });
    await expect(check(other)).rejects.toMatchObject({ message: expect.stringContaining("token_embd.weight") });
  });

  it("of an encoder is refused: it writes no text", async () => {
    const { path, other } = await tiny();
    await rewriteGguf(path, other, { metadata: [["general.architecture", string("modern-bert")]] });
    await expect(check(other)).rejects.toMatchObject({ code: "UNSUPPORTED" });
  });

  it("writes to no terminal what it likes where llama.cpp complains of it", async () => {
    const { path, other } = await tiny();
    const name = "lla\u001b[2Jma";
    const { metadata } = await readGguf(path);
    const renamed = [...metadata].flatMap(([key, value]): [string, GgufValue][] =>
      key.startsWith("llama.") ? [[key.replace("llama", name), value]] : [],
    );
    await rewriteGguf(path, other, { metadata: [["general.architecture", string(name)], ...renamed] });
    const said = vi.spyOn(console, "warn").mockImplementation(() => {});
    await expect(openLanguageModel(other, { gpu: false })).rejects.toMatchObject({ code: "INVALID_GGUF" });
    const lines = said.mock.calls.map(([line]) => String(line));
    said.mockRestore();
    expect(lines.join()).toContain("lla\\x1b[2Jma");
    expect(lines.join()).not.toContain("\u001b");
  });

  it("that is cut short is refused before it is mapped into memory", async () => {
    const { path } = await tiny();
    const { size } = await stat(path);
    await truncate(path, size - 1000);
    await expect(openLanguageModel(path, { gpu: false })).rejects.toMatchObject({
      code: "INVALID_GGUF",
      message: expect.stringContaining("cut short"),
    });
  });

  it("says of its parts what their names say, or is refused", async () => {
    const { path, folder } = await tiny();
    const names = [1, 2].map((part) => join(folder, `m-0000${part}-of-00002.gguf`)) as [string, string];
    const write = (part: 0 | 1, count: number, number: number) =>
      rewriteGguf(path, names[part], {
        metadata: [
          ["split.count", { type: "uint16", value: count }],
          ["split.no", { type: "uint16", value: number }],
        ],
      });
    await write(0, 2, 0);
    await write(1, 2, 1);
    await check(names[0]);
    await write(1, 2, 0);
    await expect(check(names[0])).rejects.toMatchObject({ message: expect.stringContaining("split.no") });
    await write(0, 3, 0);
    await expect(check(names[0])).rejects.toMatchObject({ message: expect.stringContaining("split.count") });
  });

  it("of which a later part is cut short is refused too", async () => {
    const { path, folder } = await tiny();
    const [first, second] = [1, 2].map((part) => join(folder, `m-0000${part}-of-00002.gguf`)) as [string, string];
    await rewriteGguf(path, second, {});
    await rename(path, first);
    await truncate(second, 3000);
    await expect(openLanguageModel(first, { gpu: false })).rejects.toMatchObject({ code: "INVALID_GGUF" });
  });
});
