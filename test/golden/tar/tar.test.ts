import { copyFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getLlama, type Llama, LlamaLogLevel, type Token } from "node-llama-cpp";
import { afterAll, beforeAll, expect, it } from "vitest";
import { convertLlm } from "../../../adapters/gguf/index.ts";
import { attachVision, imagesAsTokens, loadVlm, resolveVlm } from "../../../adapters/llama-cpp/index.ts";
import { loadTokenizer } from "../../../sdk/index.ts";
import { exactContext } from "../../helpers/exact-context.ts";
import { imageOf, readExpected } from "../expected.ts";
import { writeTinyTaTok } from "../ta-tok/tiny.ts";

/**
 * Pictures in a Qwen2 with Tar's tokens, on llama.cpp against transformers (make_tar.py). Attention is exact and the KV cache F32, so
 * that nothing else differs.
 */
interface Answer {
  readonly prompt: readonly number[];
  readonly answer: readonly number[];
}

const answers: readonly Answer[] = JSON.parse(await readFile(join(import.meta.dirname, "answers.json"), "utf8"));
const pictures = readExpected(join(import.meta.dirname, "../ta-tok/expected.safetensors"));
const images = answers.map((_, i) => imageOf(pictures[`image.${i}`]!));
const plain = { threads: 1, flashAttention: false, device: "cpu" } as const;
const root = await mkdtemp(join(tmpdir(), "tar-"));
const modelPath = join(root, "tar.gguf");

let llama: Llama;
beforeAll(async () => {
  llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error });
  await convertLlm(join(import.meta.dirname, "qwen2"), modelPath, { dtype: "F32", preTokenizer: "qwen2" });
});
afterAll(async () => {
  await llama.dispose();
  await rm(root, { recursive: true });
});

it("a picture is the tokens of its ids, and the answer is transformers' own", async () => {
  const tokenizer = await loadTokenizer(await writeTinyTaTok(join(root, "ta-tok"), { pool_scale: 2 }), { threads: 1 });
  const model = await llama.loadModel({ modelPath });
  try {
    const context = await model.createContext({
      contextSize: 256,
      ...exactContext,
    });
    const vision = await attachVision(context, { tokenizer: await imagesAsTokens(tokenizer, modelPath) });
    const sequence = context.getSequence();
    for (const [i, { prompt, answer }] of answers.entries()) {
      const text = await vision.prompt`<|im_start|>system
You are a helpful assistant.<|im_end|>
<|im_start|>user
${{ image: images[i]! }}Describe the image shortly.<|im_end|>
<|im_start|>assistant
`;
      const tokens = model.tokenize(text, true);
      expect(tokens).toEqual(prompt);
      const found: number[] = [];
      await sequence.clearHistory();
      for await (const token of sequence.evaluate(tokens, { temperature: 0, yieldEogToken: true })) {
        found.push(token);
        if (found.length === answer.length) break;
      }
      expect(found).toEqual(answer);
    }
    vision.dispose();
  } finally {
    await model.dispose();
    await tokenizer.dispose();
  }
});

it("loadVlm answers by the language model and the tokenizer alone, as transformers does", async () => {
  const folder = await writeTinyTaTok(join(root, "ta-tok"), { pool_scale: 2 });
  const vlm = await loadVlm(modelPath, { encoder: folder, contextSize: 256, gpu: false, ...plain });
  try {
    for (const [i, { prompt, answer }] of answers.entries()) {
      const content = [{ image: images[i]! }, "Describe the image shortly."];
      const built = await vlm.buildPrompt([{ role: "user", content }]);
      expect(built.ids).toEqual(prompt);
      const { text } = await vlm.chat([{ role: "user", content }], { temperature: 0, maxTokens: answer.length });
      // Of a character that is cut off at the end, a chat shows nothing.
      expect(text).toBe(vlm.model.detokenize(answer as Token[], false).replace(/\uFFFD$/, ""));
    }
  } finally {
    await vlm.dispose();
  }
});

it("finds the tokenizer beside the language model, and asks for one that is not there", async () => {
  const folder = join(root, "both");
  await writeTinyTaTok(folder);
  await copyFile(modelPath, join(folder, "tar.gguf"));
  expect(await resolveVlm(folder)).toEqual({
    modelId: "tar",
    llm: join(folder, "tar.gguf"),
    tokenizer: folder,
    projector: null,
    asTokens: true,
  });
  await expect(resolveVlm(modelPath)).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    message: expect.stringMatching(/the tokenizer whose ids the language model reads.*none beside it.*--encoder/),
  });
});

it("refuses a tokenizer without ids, and a language model without their tokens", async () => {
  const encoder = await loadTokenizer(join(import.meta.dirname, "../checkpoint/dinov2"), { threads: 1 });
  const shipped = await loadTokenizer("default", { threads: 1 });
  try {
    await expect(imagesAsTokens(encoder, modelPath)).rejects.toMatchObject({ code: "UNSUPPORTED" });
    await expect(imagesAsTokens(shipped, modelPath)).rejects.toMatchObject({
      code: "INCOMPATIBLE",
      message: expect.stringContaining("a token <I64>"),
    });
  } finally {
    await encoder.dispose();
    await shipped.dispose();
  }
});
