import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getLlama, type Llama, LlamaLogLevel, type Token } from "node-llama-cpp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { convertLlm } from "../../../adapters/gguf/index.ts";
import { exactContext } from "../../helpers/exact-context.ts";

/**
 * What a converted model answers in llama.cpp, against what transformers answers in F32 (make_models.py). Attention is
 * exact and the KV cache F32, so that nothing else differs.
 */
interface Answer {
  readonly prompt: number[];
  readonly answer: number[];
  /** A text and its ids by SentencePiece, where the tokenizer is such. */
  readonly text?: string;
  readonly ids?: number[];
}

const answers: Record<string, Answer> = JSON.parse(await readFile(join(import.meta.dirname, "answers.json"), "utf8"));

let scratch: string;
let llama: Llama;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "vqrae-answers-"));
  llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error });
});
afterAll(async () => {
  await llama.dispose();
  await rm(scratch, { recursive: true, force: true });
});

test.for(Object.entries(answers))(
  "%s answers in llama.cpp as in transformers",
  async ([name, { prompt, answer, text, ids }]) => {
    const modelPath = join(scratch, `${name}.gguf`);
    await convertLlm(join(import.meta.dirname, name), modelPath, { dtype: "F32", preTokenizer: "qwen2" });
    const model = await llama.loadModel({ modelPath });
    try {
      const context = await model.createContext({
        contextSize: 256,
        ...exactContext,
      });
      const found: number[] = [];
      for await (const token of context
        .getSequence()
        .evaluate(prompt as Token[], { temperature: 0, yieldEogToken: true })) {
        found.push(token);
        if (found.length === answer.length) break;
      }
      expect(found).toEqual(answer);
      if (text !== undefined) expect([...model.tokenize(text)]).toEqual(ids);
    } finally {
      await model.dispose();
    }
  },
);
