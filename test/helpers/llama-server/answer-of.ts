import { LlamaServer } from "../../../adapters/llama-cpp/carrier/index.ts";
import type { RunningServer } from "./start.ts";

/** What a llama-server with an ordinary mmproj answers to a question about images, by its likeliest tokens. */
export async function answerOf(
  { url }: RunningServer,
  images: readonly Uint8Array[],
  question: string,
  maxTokens: number,
): Promise<string> {
  const server = await LlamaServer.connect(url);
  const content = [...images.map((image) => ({ image })), question];
  return (await server.chat([{ role: "user", content }], { maxTokens, temperature: 0 })).text;
}
