import { join } from "node:path";
import { getLlama, LlamaCompletion, LlamaLogLevel } from "node-llama-cpp";
import { expect, test } from "vitest";
import { carrierFor, LlamaServer, writeCarrier } from "../../adapters/llama-cpp/carrier/index.ts";
import { attachVision } from "../../adapters/llama-cpp/index.ts";
import type { ImageEmbeddings } from "../../sdk/index.ts";
import { startLlamaServer } from "../helpers/llama-server/start.ts";
import { gaussian, uniform } from "../helpers/random.ts";
import { imageBytes, rowEmbedder } from "../helpers/row-embedder.ts";
import { writeTinyLlm } from "../helpers/tiny-llm.ts";
import { temporaryFolder } from "../standalone/checkpoint/temporary.ts";

const TOKENS = 24;

/** Embeddings as no token has them, between the texts that some models put around an image. */
const images = [12, 1, 35, 7].map((count, seed): ImageEmbeddings => {
  const data = gaussian(uniform(seed), count * 64, 0.8);
  return {
    segments: [
      { type: "text", text: "<|vision_start|>" },
      { type: "embeddings", data, grid: { rows: 1, columns: count }, attention: "causal" },
      { type: "text", text: "<|vision_end|>" },
    ],
    embeddingDim: 64,
    tokens: count,
  };
});

/**
 * Random models write bytes that are no text, which the two libraries print differently, and special tokens, which
 * llama-server prints too.
 */
const plain = (text: string) =>
  [...text.replaceAll(/<\|\w+\|>/g, "")].filter((letter) => letter.codePointAt(0)! < 128).join("");

test.each(["qwen3", "llama", "gemma3"] as const)(
  "a %s answers through the carrier as it does in process",
  async (architecture) => {
    const folder = await temporaryFolder();
    const llm = await writeTinyLlm(join(folder, "llm.gguf"), architecture);
    const mmproj = join(folder, "mmproj.gguf");
    await writeCarrier(mmproj, await carrierFor(llm.path));
    await using running = await startLlamaServer(llm.path, mmproj);
    const server = await LlamaServer.connect(running.url);

    await using llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error });
    const model = await llama.loadModel({ modelPath: llm.path });
    const context = await model.createContext({ contextSize: 512, threads: 1 });
    const vision = await attachVision(context, { tokenizer: rowEmbedder(64, images).tokenizer });
    const completion = new LlamaCompletion({ contextSequence: context.getSequence() });
    const answers = new Set<string>();
    for (const [i, image] of images.entries()) {
      const prompt = await vision.prompt`you see ${imageBytes(i)} and say `;
      const options = { maxTokens: TOKENS, temperature: 0, repeatPenalty: false } as const;
      const inProcess = await completion.generateCompletion(prompt, options);
      const carried = await server.complete(["you see ", image, " and say "], { maxTokens: TOKENS, temperature: 0 });
      expect(plain(carried.text)).toBe(plain(inProcess));
      answers.add(inProcess);
    }
    expect(answers.size).toBe(images.length); // what they answer depends on the image
  },
);
