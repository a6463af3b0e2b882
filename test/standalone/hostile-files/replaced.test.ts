import { cp, readFile, rename, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readGguf, readGgufTensorBytes } from "../../../adapters/gguf/index.ts";
import { VQRAE, VqraeError } from "../../../sdk/index.ts";
import { openSafetensors, readTensor } from "../../../sdk/kit.ts";
import { writeTinyLlm } from "../../helpers/tiny-llm.ts";
import { temporaryFolder } from "../checkpoint/temporary.ts";
import { picture, tinyVqrae } from "../runtime/fixtures/tiny.ts";

/** Another file takes a file's name, with other bytes behind its header. */
async function replace(file: string): Promise<void> {
  const bytes = await readFile(file);
  for (let i = 1; i < bytes.length / 2; i += 4) bytes[bytes.length - i]! ^= 1;
  await writeFile(`${file}.new`, bytes);
  const { atime, mtime } = await stat(file);
  await utimes(`${file}.new`, atime, mtime);
  await rename(`${file}.new`, file);
}

async function copy(): Promise<{ folder: string; weights: string }> {
  const folder = join(await temporaryFolder(), "model");
  await cp(tinyVqrae, folder, { recursive: true });
  return { folder, weights: join(folder, "model.safetensors") };
}

it("a checkpoint that is replaced under a tokenizer gives the ids of the one that was loaded, or a typed error", async () => {
  const { folder, weights } = await copy();
  await using tokenizer = await VQRAE.load(folder, { workers: 2 });
  const { width, height } = tokenizer.info.inputSize!;
  const image = picture(width, height);
  const ids = (await tokenizer.encode(image)).ids!;
  await replace(weights);
  const again = await Promise.allSettled(Array.from({ length: 8 }, () => tokenizer.encode(image)));
  for (const one of again) {
    if (one.status === "fulfilled") expect(one.value.ids).toEqual(ids);
    else expect(VqraeError.isInstance(one.reason) && one.reason.code).toBe("INVALID_CHECKPOINT");
  }
  expect(again.some(({ status }) => status === "rejected")).toBe(true);
  // Its decoder was never opened.
  await expect(tokenizer.decode(ids)).rejects.toMatchObject({
    code: "INVALID_CHECKPOINT",
    message: expect.stringContaining("in its place"),
  });
});

it("a tensor is read of the file whose header was read, or not at all", async () => {
  const { weights } = await copy();
  const [tensor] = (await openSafetensors(weights)).tensors.values();
  const ref = { ...tensor!, dtype: "F32" as const };
  await readTensor(ref);
  await replace(weights);
  await expect(readTensor(ref)).rejects.toMatchObject({ code: "INVALID_CHECKPOINT" });

  const { path } = await writeTinyLlm(join(await temporaryFolder(), "llm.gguf"), "llama");
  const gguf = await readGguf(path);
  await replace(path);
  await expect(readGgufTensorBytes(gguf, "output_norm.weight")).rejects.toMatchObject({ code: "INVALID_CHECKPOINT" });
});
