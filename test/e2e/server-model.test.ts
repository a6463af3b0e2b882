import { join } from "node:path";
import { expect, test } from "vitest";
import { carrierFor, LlamaServer, serverModel, writeCarrier } from "../../adapters/llama-cpp/carrier/index.ts";
import { startLlamaServer } from "../helpers/llama-server/start.ts";
import { imageBytes, row, rowEmbedder } from "../helpers/row-embedder.ts";
import { writeTinyLlm } from "../helpers/tiny-llm.ts";
import { failure, temporaryFolder } from "../standalone/checkpoint/temporary.ts";

test("a llama-server with a carrier and a tokenizer are one model", async () => {
  const folder = await temporaryFolder();
  const llm = await writeTinyLlm(join(folder, "llm.gguf"), "llama");
  const mmproj = join(folder, "mmproj-carrier.gguf");
  await writeCarrier(mmproj, await carrierFor(llm.path));
  await using running = await startLlamaServer(llm.path, mmproj);
  const server = await LlamaServer.connect(running.url);
  const { tokenizer, embedded } = rowEmbedder(llm.embeddingDim, [{ segments: [row([5, 6, 7], llm)] }]);
  const model = serverModel(server, tokenizer);
  expect(model).toMatchObject({ specificationVersion: "v1", modelId: server.info.model });

  const messages = [{ role: "user", content: [{ image: imageBytes(0) }, "ab"] }] as const;
  const answer = await model.chat(messages, { maxTokens: 6 });
  const image = await tokenizer.embed(imageBytes(0));
  const own = await server.chat([{ role: "user", content: [image, "ab"] }], { maxTokens: 6, temperature: 0 });
  expect(answer.text).toBe(own.text);
  expect(answer.promptTokens).toBe(own.promptTokens);
  expect(answer.finishReason).toBe(own.stopReason === "limit" ? "length" : "stop");
  expect(embedded).toEqual([0, 0]);

  const stream = model.streamChat(messages, { maxTokens: 6 });
  let text = "";
  let step = await stream.next();
  for (; !step.done; step = await stream.next()) text += step.value.text;
  expect(text).toBe(own.text);
  expect(step.value).toEqual(answer);

  const aborted = AbortSignal.abort(new Error("enough"));
  await expect(model.chat(messages, { signal: aborted })).rejects.toThrow();
  const wide = serverModel(server, rowEmbedder(3, [{ segments: [] }]).tokenizer);
  expect((await failure(wide.chat(messages))).code).toBe("INCOMPATIBLE");
});
