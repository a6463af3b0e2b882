import { copyFile, mkdir, rename, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ggufValue, writeGguf } from "../../../adapters/gguf/index.ts";
import { resolveVision, resolveVlm } from "../../../adapters/llama-cpp/index.ts";
import { writeTinyLlm } from "../../helpers/tiny-llm.ts";
import { writeTinyMmproj } from "../../helpers/tiny-mmproj.ts";
import { temporaryFolder, writeJson } from "../checkpoint/temporary.ts";

/** A folder with a language model of width 64 and an mmproj for it. */
async function pair(): Promise<{ folder: string; llm: string; mmproj: string }> {
  const folder = await temporaryFolder();
  const { path: llm } = await writeTinyLlm(join(folder, "model.gguf"), "qwen3");
  const mmproj = join(folder, "mmproj-model-f16.gguf");
  await writeTinyMmproj(mmproj);
  return { folder, llm, mmproj };
}

/** The header of an mmproj alone. */
async function writeMmprojHeader(path: string, projector: string, width: number): Promise<void> {
  await writeGguf(
    path,
    [
      ["general.architecture", ggufValue.string("clip")],
      ["clip.projector_type", ggufValue.string(projector)],
      ["clip.vision.projection_dim", ggufValue.uint32(width)],
    ],
    [],
  );
}

test("two files; a folder with both; a file with its mmproj beside it", async () => {
  const { folder, llm, mmproj } = await pair();
  const found = { modelId: "model", llm, tokenizer: mmproj, projector: null };
  expect(await resolveVlm(llm, { mmproj })).toEqual(found);
  expect(await resolveVlm(folder)).toEqual(found);
  expect(await resolveVlm(llm)).toEqual(found);
});

test("llm.gguf goes before other models of a folder, which names the model then", async () => {
  const { folder, mmproj } = await pair();
  await copyFile(join(folder, "model.gguf"), join(folder, "llm.gguf"));
  const { modelId, llm, tokenizer } = await resolveVlm(folder);
  expect([llm, tokenizer]).toEqual([join(folder, "llm.gguf"), mmproj]);
  expect(folder.endsWith(modelId)).toBe(true);
});

test("a Hugging Face checkpoint with its language model as GGUF beside it", async () => {
  const folder = await temporaryFolder();
  const { path: llm } = await writeTinyLlm(join(folder, "model.gguf"), "llama");
  await writeJson(folder, "config.json", { model_type: "llava" });
  expect(await resolveVlm(folder)).toMatchObject({ llm, tokenizer: folder, projector: folder });
});

test("a projector's folder with its language model, behind an encoder that is elsewhere", async () => {
  const folder = await temporaryFolder();
  await writeTinyLlm(join(folder, "llm.gguf"), "qwen3");
  await writeJson(folder, "config.json", { model_type: "vqrae_projector" });
  expect(await resolveVlm(folder, { encoder: "default" })).toMatchObject({ tokenizer: "default", projector: folder });
  await expect(resolveVlm(folder)).rejects.toMatchObject({ code: "INVALID_ARGUMENT", path: folder });
});

test("a model in parts is its first part, and a missing part is named", async () => {
  const { folder, llm, mmproj } = await pair();
  const part = (number: number) => join(folder, `big-0000${number}-of-00002.gguf`);
  await rename(llm, part(1));
  await expect(resolveVlm(folder)).rejects.toMatchObject({ code: "CHECKPOINT_NOT_FOUND", path: part(2) });
  await copyFile(part(1), part(2));
  expect(await resolveVlm(folder)).toMatchObject({ modelId: "big", llm: part(1) });
  await expect(resolveVlm(part(2), { mmproj })).rejects.toThrow(/the first part of a model .*big-00001-of-00002/s);
});

test("what is something else than its name says is refused with a mend", async () => {
  const { llm, mmproj, folder } = await pair();
  await expect(resolveVlm(mmproj)).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    path: mmproj,
    message: expect.stringMatching(/a language model .*an mmproj file.* Give it as mmproj/s),
  });
  await expect(resolveVlm(llm, { mmproj: llm })).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    message: expect.stringMatching(/an mmproj file .*a language model \(qwen3\)/s),
  });
  await expect(resolveVlm(llm, { encoder: mmproj })).rejects.toThrow(
    /a checkpoint folder .*Give a GGUF file as mmproj/s,
  );
  await expect(resolveVlm(llm, { mmproj, encoder: folder })).rejects.toThrow(/an mmproj alone/);
  await expect(resolveVlm(llm, { projector: folder })).rejects.toThrow(/the encoder that it was trained with/);
  await expect(resolveVlm(join(folder, "config.json"))).rejects.toMatchObject({ code: "CHECKPOINT_NOT_FOUND" });
  await expect(resolveVlm(join(llm, "model.gguf"))).rejects.toMatchObject({ code: "CHECKPOINT_NOT_FOUND" });
  await expect(resolveVlm(1 as never)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
});

test("a text model alone, an empty folder, and a folder with two candidates", async () => {
  const folder = await temporaryFolder();
  await expect(resolveVlm(folder)).rejects.toMatchObject({ code: "CHECKPOINT_NOT_FOUND", path: folder });
  await writeTinyLlm(join(folder, "a.gguf"), "qwen3");
  await expect(resolveVlm(folder)).rejects.toThrow(/a vision language model .*text alone.*Name the mmproj/s);
  await writeTinyMmproj(join(folder, "mmproj-f16.gguf"));
  await writeTinyMmproj(join(folder, "mmproj-q8_0.gguf"));
  await expect(resolveVlm(folder)).rejects.toThrow(/one mmproj file .*mmproj-f16.gguf, mmproj-q8_0.gguf/s);
  await writeTinyLlm(join(folder, "b.gguf"), "qwen3");
  await expect(resolveVlm(folder)).rejects.toThrow(/one language model .*2: a.gguf, b.gguf/s);
});

test("a model and an mmproj of different widths or families", async () => {
  const { folder, llm } = await pair();
  const other = join(folder, "other.gguf");
  await writeMmprojHeader(other, "idefics3", 96);
  await expect(resolveVlm(llm, { mmproj: other })).rejects.toMatchObject({
    code: "INCOMPATIBLE",
    path: other,
    message: expect.stringMatching(/width 96 .*width 64/s),
  });
  await writeMmprojHeader(other, "gemma3", 64);
  await expect(resolveVlm(llm, { mmproj: other })).rejects.toThrow(/a language model of gemma3 .*\(qwen3\)/s);
  const { path: qwen } = await writeTinyLlm(join(folder, "qwen.gguf"), "qwen2vl");
  await writeMmprojHeader(other, "idefics3", 64);
  await expect(resolveVlm(qwen, { mmproj: other })).rejects.toMatchObject({ code: "INCOMPATIBLE" });
  const checkpoint = join(folder, "checkpoint");
  await mkdir(checkpoint);
  const typed = (type: string) => writeFile(join(checkpoint, "config.json"), JSON.stringify({ model_type: type }));
  await typed("llava");
  await expect(resolveVlm(qwen, { encoder: checkpoint })).rejects.toMatchObject({
    code: "INCOMPATIBLE",
    path: checkpoint,
    message: expect.stringMatching(/the checkpoint .*\(llava\) .* \(qwen2vl\)/),
  });
  await typed("gemma3");
  await expect(resolveVlm(llm, { encoder: checkpoint })).rejects.toThrow(/a language model of gemma3 .*\(qwen3\)/);
  await typed("qwen2_5_vl");
  expect(await resolveVlm(qwen, { encoder: checkpoint })).toMatchObject({ projector: checkpoint });
});

test("a truncated file, and a folder in place of a file", async () => {
  const { folder, llm, mmproj } = await pair();
  await truncate(mmproj, 200);
  await expect(resolveVlm(llm, { mmproj })).rejects.toMatchObject({ code: "INVALID_GGUF" });
  await writeFile(mmproj, "not a gguf");
  await expect(resolveVlm(llm, { mmproj })).rejects.toMatchObject({ code: "INVALID_GGUF" });
  const inner = join(folder, "inner");
  await mkdir(inner);
  await expect(resolveVlm(llm, { mmproj: inner })).rejects.toMatchObject({ code: "CHECKPOINT_NOT_FOUND", path: inner });
});

test("vision alone: an mmproj, an encoder with or without a projector of its own, nothing", async () => {
  const { mmproj, folder } = await pair();
  expect(await resolveVision({ mmproj })).toEqual({ tokenizer: mmproj, projector: null });
  expect(await resolveVision({ encoder: folder })).toEqual({ tokenizer: folder, projector: folder });
  expect(await resolveVision({ encoder: "default", projector: folder })).toEqual({
    tokenizer: "default",
    projector: folder,
  });
  expect(await resolveVision({})).toBeNull();
});
