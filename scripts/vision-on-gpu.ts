/**
 * Feeds embeddings through llama.cpp on a GPU and on the CPU, and prints the table of docs/gpu.md:
 *
 *   node scripts/vision-on-gpu.ts vulkan|cuda|metal
 *
 * Tiny random models of every architecture that test/standalone/llama-cpp has; an image of 40 embeddings in a chat, greedy.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ChatMLChatWrapper, getLlama, type Llama, LlamaChatSession, LlamaLogLevel, type Token } from "node-llama-cpp";
import { attachVision } from "../adapters/llama-cpp/index.ts";
import { imageBytes, row, rowEmbedder } from "../test/helpers/row-embedder.ts";
import { type TinyArchitecture, tinyArchitectures, writeTinyLlm } from "../test/helpers/tiny-llm.ts";
import { environment } from "./lib/environment.ts";

const [gpu] = process.argv.slice(2);
if (gpu !== "vulkan" && gpu !== "cuda" && gpu !== "metal") throw new Error("Expected vulkan, cuda or metal.");
const folder = await mkdtemp(join(tmpdir(), "vqrae-gpu-"));

async function answer(
  llama: Llama,
  architecture: TinyArchitecture,
): Promise<{ text: string; logits: Map<number, number> }> {
  const tiny = await writeTinyLlm(join(folder, `${architecture}.gguf`), architecture);
  const model = await llama.loadModel({ modelPath: tiny.path, gpuLayers: llama.gpu === false ? 0 : "max" });
  const context = await model.createContext({ contextSize: 256, batchSize: 64, threads: 1, sequences: 2 });
  const tokens = Array.from({ length: 40 }, (_, i) => 40 + i);
  const { tokenizer } = rowEmbedder(tiny.embeddingDim, [{ segments: [row(tokens, tiny)] }]);
  const vision = await attachVision(context, { tokenizer });
  const placed = await vision.image(imageBytes(0));
  const session = new LlamaChatSession({
    contextSequence: context.getSequence(),
    chatWrapper: new ChatMLChatWrapper(),
    systemPrompt: "sys",
  });
  const text = await session.prompt(`see ${placed} there`, { temperature: 0, maxTokens: 12, repeatPenalty: false });
  const sequence = context.getSequence();
  const input = model.tokenize(`${placed}what`, false);
  const wanted = [input.pop()!, { generateNext: { logits: true } }] as [Token, { generateNext: { logits: true } }];
  const results = await sequence.controlledEvaluate([...input, wanted]);
  const logits = results.at(-1)!.next.logits as unknown as Map<number, number>;
  await context.dispose();
  await model.dispose();
  return { text, logits };
}

const options = { build: "never", logLevel: LlamaLogLevel.error } as const;
const onCpu = await getLlama({ ...options, gpu: false });
const onGpu = await getLlama({ ...options, gpu });
const names = await onGpu.getGpuDeviceNames();
// llama.cpp leaves software drivers out unless they are asked for, and then runs on the CPU without a word.
if (names.length === 0) throw new Error(`Expected a device of ${gpu}: for llvmpipe set GGML_VK_VISIBLE_DEVICES=0.`);
console.log(`${await environment()}; ${gpu}: ${names.join(", ")}\n`);
console.log(
  "| architecture | same 12 greedy tokens | largest difference of a logit | largest logit |\n| --- | --- | --- | --- |",
);
for (const architecture of tinyArchitectures) {
  const [cpu, other] = [await answer(onCpu, architecture), await answer(onGpu, architecture)];
  const largest = Math.max(...[...cpu.logits].map(([token, logit]) => Math.abs(logit - other.logits.get(token)!)));
  const scale = Math.max(...[...cpu.logits.values()].map(Math.abs));
  const same = cpu.text === other.text ? "yes" : "no";
  console.log(`| ${[architecture, same, largest.toExponential(1), scale.toFixed(1)].join(" | ")} |`);
}
await onGpu.dispose();
await onCpu.dispose();
await rm(folder, { recursive: true, force: true });
