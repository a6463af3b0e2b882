import { afterEach, expect, test } from "vitest";
import { createEndpoint } from "../../../adapters/openai/index.ts";
import type { VisionLanguageModel, VlmMessage } from "../../../adapters/vision-language-model.ts";
import { encodePng, type VideoInput } from "../../../sdk/index.ts";
import { picture } from "../runtime/fixtures/tiny.ts";

/** What the model was asked. */
let asked: readonly VlmMessage[] = [];
const answer = { text: "a film", finishReason: "stop", promptTokens: 1, answerTokens: 1 } as const;
const vlm: VisionLanguageModel = {
  specificationVersion: "v1",
  modelId: "stand-in",
  // biome-ignore lint/correctness/useYield: it answers at once
  async *streamChat(messages) {
    asked = messages;
    return answer;
  },
  async chat(messages) {
    asked = messages;
    return answer;
  },
  async [Symbol.asyncDispose]() {},
};
const endpoint = await createEndpoint({ languageModels: [vlm] });
afterEach(() => {
  asked = [];
});

const pngs = await Promise.all([8, 16].map((side) => encodePng(picture(side, side))));
const base64 = pngs.map((png) => Buffer.from(png).toString("base64"));
const urls = base64.map((text) => `data:image/png;base64,${text}`);

interface Failure {
  readonly error?: { readonly message: string };
}

async function post(part: object) {
  const messages = [{ role: "user", content: [part, { type: "text", text: "What happens?" }] }];
  const response = await endpoint.fetch(
    new Request("http://127.0.0.1/v1/chat/completions", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "stand-in", messages }),
    }),
  );
  const { error }: Failure = JSON.parse(await response.text());
  return { status: response.status, error };
}

function filmAsked(): VideoInput {
  const [part] = asked[0]?.content ?? [];
  if (typeof part !== "object" || !("video" in part)) throw new Error("no video");
  return part.video;
}

test("frames as images are a video, in order", async () => {
  expect(await post({ type: "video", video: urls, fps: 4 })).toMatchObject({ status: 200 });
  const { frames, fps } = filmAsked();
  expect(fps).toBe(4);
  expect(frames).toEqual(urls);
});

test("vLLM's data:video/jpeg has its frames between commas; two of each second without fps", async () => {
  const url = `data:video/jpeg;base64,${base64.join(",")}`;
  expect(await post({ type: "video_url", video_url: { url } })).toMatchObject({ status: 200 });
  expect(filmAsked()).toEqual({ frames: base64.map((text) => `data:image/jpeg;base64,${text}`), fps: 2 });
});

test.each([
  [
    "a film",
    { type: "video_url", video_url: { url: "data:video/mp4;base64,AAAA" } },
    /No film is decoded.*"type": "video"/,
  ],
  ["an address", { type: "video_url", video_url: { url: "https://example.com/a.mp4" } }, /No film is decoded/],
  ["a frame that is a path", { type: "video", video: ["/etc/passwd"] }, /data: URL.*content\[0\]\.video\[0\]/],
  ["no rate", { type: "video", video: urls, fps: 0 }, /fps/],
  ["more frames than images are allowed", { type: "video", video: Array(17).fill(urls[0]) }, /at most 16 images.*17/],
  [
    "more frames in one URL",
    { type: "video_url", video_url: { url: `data:video/jpeg;base64,${Array(17).fill(base64[0])}` } },
    /at most 16 images.*17/,
  ],
])("%s is refused by name", async (_, part, message) => {
  const { status, error } = await post(part);
  expect([status, error?.message]).toEqual([400, expect.stringMatching(message)]);
});
