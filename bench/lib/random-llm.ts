import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { attachVision } from "../../adapters/llama-cpp/index.ts";
import { openLanguageModel } from "../../adapters/llama-cpp/language-model.ts";
import { imageBytes, row, rowEmbedder } from "../../test/helpers/row-embedder.ts";
import { writeTinyLlm } from "../../test/helpers/tiny-llm.ts";

/** A language model of random weights in F32, as large as is asked for, and the place of an image that it sees. */
export async function openRandomLlm(sizes: { layers: number; width: number; rows: number; threads?: number }) {
  const { rows, threads, ...shape } = sizes;
  const folder = await mkdtemp(join(tmpdir(), "vqrae-random-llm-"));
  try {
    const tiny = await writeTinyLlm(join(folder, "llm.gguf"), "qwen3", shape);
    const size = { contextSize: 512, ...(threads !== undefined && { threads }) };
    const opened = await openLanguageModel(tiny.path, { gpu: false, ...size });
    const embeddings = row(
      Array.from({ length: rows }, (_, i) => 20 + i),
      tiny,
    );
    const [begin, end] = ["<|vision_start|>", "<|vision_end|>"].map((text) => ({ type: "text", text }) as const);
    const { tokenizer } = rowEmbedder(tiny.embeddingDim, [{ segments: [begin!, embeddings, end!] }]);
    const vision = await attachVision(opened.context, { tokenizer });
    const placed = await vision.image(imageBytes(0));
    const dispose = async () => {
      await opened[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    };
    return { context: opened.context, placed, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}
