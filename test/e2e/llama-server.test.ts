import { join } from "node:path";
import { expect, test } from "vitest";
import {
  carrierFor,
  type EmbeddedPart,
  LlamaServer,
  readCarrier,
  writeCarrier,
} from "../../adapters/llama-cpp/carrier/index.ts";
import type { ImageEmbeddings } from "../../sdk/index.ts";
import { startLlamaServer } from "../helpers/llama-server/start.ts";
import { row } from "../helpers/row-embedder.ts";
import { type TinyArchitecture, type TinyLlm, writeTinyLlm } from "../helpers/tiny-llm.ts";
import { writeTinyMmproj } from "../helpers/tiny-mmproj.ts";
import { failure, temporaryFolder } from "../standalone/checkpoint/temporary.ts";

async function serve(architecture: TinyArchitecture) {
  const folder = await temporaryFolder();
  const llm = await writeTinyLlm(join(folder, "llm.gguf"), architecture);
  const mmproj = join(folder, "mmproj-carrier.gguf");
  await writeCarrier(mmproj, await carrierFor(llm.path));
  return { llm, mmproj, running: await startLlamaServer(llm.path, mmproj) };
}

/** The rows of the model's own token embeddings: to the model they are the text itself. */
function embeddingsOf(llm: TinyLlm, text: string): ImageEmbeddings {
  const space = llm.tokens.includes("▁") ? "▁" : "Ġ";
  const ids = [...text].map((letter) => llm.tokens.indexOf(letter === " " ? space : letter));
  return { segments: [row(ids, llm)], embeddingDim: llm.embeddingDim, tokens: ids.length };
}

const greedy = { maxTokens: 16, temperature: 0, extra: { ignore_eos: true } } as const;

test.each(["llama", "qwen3", "gemma3"] as const)(
  "a %s reads its own embeddings in pixels as it reads the text",
  async (architecture) => {
    const { llm, running } = await serve(architecture);
    await using _ = running;
    const server = await LlamaServer.connect(running.url);
    expect(server.info).toMatchObject({ embeddingDim: llm.embeddingDim, contextSize: 512 });
    const words = ["a cat sat on ", "some very blue mat", " and was", "x"];
    const prompts: [string, EmbeddedPart[]][] = [
      [words.join(""), [embeddingsOf(llm, words.slice(0, 3).join("")), "x"]],
      [words.join(""), words.map((word, i) => (i % 2 === 1 ? word : embeddingsOf(llm, word)))],
      [words[0]!, [embeddingsOf(llm, "a"), embeddingsOf(llm, " cat"), " sat on "]],
    ];
    for (const [text, parts] of prompts) {
      const [plain, packed] = [await server.complete(text, greedy), await server.complete(parts, greedy)];
      expect(packed.text).toBe(plain.text);
      expect(packed.text.length).toBeGreaterThan(0);
      expect(packed.promptTokens).toBe(plain.promptTokens);
    }
  },
);

test("a conversation: the chat template, images in any turn, and nothing is evaluated twice", async () => {
  const { llm, running } = await serve("qwen3");
  await using _ = running;
  const server = await LlamaServer.connect(running.url);
  const image = embeddingsOf(llm, "some picture");
  const first = [{ role: "user", content: [image, "what is it"] }] as const;
  const answer = await server.chat(first, greedy);
  const asText = await server.chat([{ role: "user", content: "some picturewhat is it" }], greedy);
  expect(answer.text).toBe(asText.text);

  const again = await server.chat(first, greedy);
  expect(again.text).toBe(answer.text);
  const next = [
    ...first,
    { role: "assistant", content: "hello" },
    { role: "user", content: "and its colour" },
  ] as const;
  const { promptTokens, cachedTokens } = await server.chat(next, greedy);
  expect(cachedTokens).toBeGreaterThanOrEqual(12); // the first image stays where it was
  expect(cachedTokens).toBeLessThan(promptTokens);
});

test("pieces come one by one, and a signal or leaving the loop ends the answer", async () => {
  const { llm, running } = await serve("qwen3");
  await using _ = running;
  const server = await LlamaServer.connect(running.url);
  const prompt = [embeddingsOf(llm, "a cat"), " sat"];
  const whole = await server.complete(prompt, greedy);
  let text = "";
  for await (const piece of server.stream(prompt, greedy)) text += piece.text;
  expect(text).toBe(whole.text);

  const controller = new AbortController();
  const endless = { ...greedy, maxTokens: 400 };
  const streaming = (async () => {
    for await (const _ of server.stream(prompt, { ...endless, signal: controller.signal }))
      controller.abort(new Error("enough"));
  })();
  await expect(streaming).rejects.toThrow("enough");
  for await (const _ of server.stream(prompt, endless)) break;
  expect((await server.complete(prompt, greedy)).text).toBe(whole.text);
});

test("a server without an mmproj is UNSUPPORTED, and one with an ordinary mmproj takes images", async () => {
  const folder = await temporaryFolder();
  const llm = await writeTinyLlm(join(folder, "llm.gguf"), "qwen3");
  await using running = await startLlamaServer(llm.path);
  expect(await failure(LlamaServer.connect(running.url))).toEqual({
    code: "UNSUPPORTED",
    message: expect.stringMatching(/Expected image input .* received none. Start the server with --mmproj/),
  });
  const mmproj = join(folder, "mmproj.gguf");
  await writeTinyMmproj(mmproj);
  await using ordinary = await startLlamaServer(llm.path, mmproj);
  const server = await LlamaServer.connect(ordinary.url);
  expect(server.info.takes).toBe("images");
  const picture = (value: number) => ({ data: new Uint8Array(8 * 8 * 3).fill(value), width: 8, height: 8 });
  const blind = await server.chat([{ role: "user", content: "what is it" }], greedy);
  const dark = await server.chat([{ role: "user", content: [{ image: picture(0) }, "what is it"] }], greedy);
  const bright = await server.chat([{ role: "user", content: [{ image: picture(255) }, "what is it"] }], greedy);
  expect([dark.promptTokens, bright.promptTokens]).toEqual([blind.promptTokens + 4, blind.promptTokens + 4]);
  expect(dark.text).not.toBe(bright.text);
});

test("embeddings of another width, with full attention or beyond the range are refused, and the server stays usable", async () => {
  const { llm, mmproj, running } = await serve("qwen3");
  await using _ = running;
  expect(await readCarrier(mmproj)).toEqual({ embeddingDim: 64, range: 64 });
  const server = await LlamaServer.connect(running.url);
  const image = embeddingsOf(llm, "a cat");
  const [segment] = image.segments;
  if (segment?.type !== "embeddings") throw new Error("no embeddings");
  const withData = (data: Float32Array, columns = 1) => ({
    ...image,
    segments: [{ ...segment, data, grid: { rows: 1, columns } }],
  });
  const refused: [ImageEmbeddings, string, RegExp][] = [
    [{ ...image, embeddingDim: 32 }, "INCOMPATIBLE", /embeddings of 64 numbers.* received embeddings of 32/],
    [withData(new Float32Array(65)), "INVALID_ARGUMENT", /1 x 64 numbers .* received 65/],
    [withData(new Float32Array(0), 0), "INVALID_ARGUMENT", /embeddings of 64 numbers each .* 0 numbers/],
    [withData(new Float32Array(64).fill(100)), "INVALID_ARGUMENT", /from -64 to below 64 .* --range 256/],
    [withData(new Float32Array(64).fill(Number.NaN)), "INVALID_ARGUMENT", /received NaN/],
    [{ ...image, segments: [{ ...segment, attention: "full" }] }, "UNSUPPORTED", /causal attention/],
    [image, "INVALID_ARGUMENT", /text after the last image .* received an image at its end/],
  ];
  for (const [bad, code, message] of refused) {
    expect(await failure(server.complete([bad], greedy))).toEqual({ code, message: expect.stringMatching(message) });
  }
  const marked = `text with ${server.info.mediaMarker}`;
  expect(await failure(server.complete([marked], greedy))).toMatchObject({ code: "INVALID_ARGUMENT" });
  expect((await server.complete([image, "s"], greedy)).text).toBe((await server.complete("a cats", greedy)).text);
});
