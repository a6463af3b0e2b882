import { setTimeout as sleep } from "node:timers/promises";
import type { VisionLanguageModel, VlmAnswer, VlmMessage } from "../../../adapters/benchmarks/index.ts";

/** A model whose answers a test decides, and which keeps account of what it was asked. */
export class ScriptedModel implements VisionLanguageModel {
  readonly specificationVersion = "v1";
  readonly modelId: string;
  readonly asked: string[] = [];
  readonly images: unknown[] = [];
  busiest = 0;
  #busy = 0;
  readonly #answer: (prompt: string) => string;
  readonly #delayMs: number;

  constructor(answer: (prompt: string) => string, { modelId = "scripted", delayMs = 0 } = {}) {
    this.#answer = answer;
    this.modelId = modelId;
    this.#delayMs = delayMs;
  }

  async chat(messages: readonly VlmMessage[]): Promise<VlmAnswer> {
    const parts = messages[0]!.content as readonly (string | { image: unknown })[];
    const prompt = parts.filter((part) => typeof part === "string").join("");
    this.asked.push(prompt);
    this.images.push(...parts.filter((part) => typeof part !== "string").map(({ image }) => image));
    this.busiest = Math.max(this.busiest, ++this.#busy);
    try {
      await sleep(this.#delayMs);
      return { text: this.#answer(prompt), finishReason: "stop", promptTokens: 3, answerTokens: 1 };
    } finally {
      this.#busy--;
    }
  }

  async *streamChat(messages: readonly VlmMessage[]): AsyncGenerator<{ text: string }, VlmAnswer> {
    const answer = await this.chat(messages);
    yield { text: answer.text };
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
