import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { getLlama, LlamaLogLevel } from "node-llama-cpp";
import { expect, test } from "vitest";
import { tinyArchitectures, writeTinyLlm } from "../../helpers/tiny-llm.ts";
import { temporaryFolder } from "../checkpoint/temporary.ts";

test.each(tinyArchitectures)("llama.cpp loads and decodes a tiny %s", async (architecture) => {
  const path = join(await temporaryFolder(), `${architecture}.gguf`);
  const { tokens, embeddingDim } = await writeTinyLlm(path, architecture);
  await using llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error });
  const model = await llama.loadModel({ modelPath: path });
  expect(model.fileInfo.metadata.general.architecture).toBe(architecture);
  expect(model.embeddingVectorSize).toBe(embeddingDim);
  const context = await model.createContext({ contextSize: 128, threads: 1 });
  const prompt = model.tokenize("<|im_start|>user\nhello there<|im_end|>\n", true);
  expect(model.detokenize(prompt, true)).toContain("<|im_start|>user\nhello there<|im_end|>");
  expect(tokens[prompt[0]!]).toBe("<|im_start|>");
  const decoded: number[] = [];
  for await (const token of context.getSequence().evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
    if (decoded.push(token) === 8) break;
  }
  expect(decoded).toHaveLength(8);
  expect(decoded.every((token) => token >= 0 && token < tokens.length)).toBe(true);
});

test("a seed gives one file, another seed another", async () => {
  const folder = await temporaryFolder();
  const [a, b, c] = [join(folder, "a.gguf"), join(folder, "b.gguf"), join(folder, "c.gguf")];
  await writeTinyLlm(a, "qwen3", { seed: 1 });
  await writeTinyLlm(b, "qwen3", { seed: 1 });
  await writeTinyLlm(c, "qwen3", { seed: 2 });
  expect(await readFile(a)).toEqual(await readFile(b));
  expect(await readFile(a)).not.toEqual(await readFile(c));
});
