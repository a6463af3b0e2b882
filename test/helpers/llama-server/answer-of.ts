import type { RunningServer } from "./start.ts";

/** What a llama-server with an mmproj answers to a question about images, by its likeliest tokens. */
export async function answerOf(
  { url }: RunningServer,
  images: readonly Uint8Array[],
  question: string,
  maxTokens: number,
): Promise<string> {
  const ask = async (path: string, body?: object) => {
    const init = body && {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    };
    const response = await fetch(`${url}${path}`, init);
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
    return (await response.json()) as Record<string, string>;
  };
  const { media_marker: marker = "" } = await ask("/props");
  const content = `${marker.repeat(images.length)}${question}`;
  const { prompt } = await ask("/apply-template", { messages: [{ role: "user", content }] });
  const { content: answer } = await ask("/completion", {
    prompt: { prompt_string: prompt, multimodal_data: images.map((image) => Buffer.from(image).toString("base64")) },
    n_predict: maxTokens,
    temperature: 0,
  });
  return answer ?? "";
}
