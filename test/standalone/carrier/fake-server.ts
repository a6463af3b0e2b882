import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import { type ConnectOptions, LlamaServer } from "../../../adapters/llama-cpp/carrier/index.ts";
import { readImage } from "../../../sdk/index.ts";

export type Answer = (body: Record<string, unknown>, response: ServerResponse, request: IncomingMessage) => void;

export const json =
  (status: number, value: unknown): Answer =>
  (_, response) => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
  };
export const refusal = (code: number, message: string, type: string) => json(code, { error: { code, message, type } });

export const props = {
  default_generation_settings: { n_ctx: 4096 },
  model_alias: "tiny",
  modalities: { vision: true, audio: false },
  media_marker: "<__media_x__>",
  chat_template: "{{ bos_token }}{% for m in messages %}{{ m.role }}:{{ m.content }};{% endfor %}",
  bos_token: "<s>",
  eos_token: "</s>",
};
const models = { data: [{ meta: { n_embd: 4 } }] };

/** How many embeddings of 4 numbers a packed image holds. */
export async function embeddingsIn(image: string): Promise<number> {
  const { width, height } = await readImage(Buffer.from(image, "base64"));
  return (width / 2) * (height / 2);
}

/** A server that answers as a llama-server with a carrier, but for `routes`; `requests` are what it was sent. */
export async function serve(routes: Record<string, Answer> = {}) {
  const requests: { path: string; body: Record<string, unknown>; authorization: string | undefined }[] = [];
  const known: Record<string, Answer> = {
    "/props": json(200, props),
    "/v1/models": json(200, models),
    "/tokenize": json(200, { tokens: [1] }),
    ...routes,
  };
  const server = createServer(async (request, response) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString()) : {};
    const path = request.url!;
    requests.push({ path, body, authorization: request.headers.authorization });
    if (path === "/completion" && body.n_predict === 0 && !routes.probe) {
      const tokens = await embeddingsIn(body.prompt.multimodal_data[0]);
      json(200, { tokens_evaluated: tokens + 1 })(body, response, request);
      return;
    }
    const answer = known[path] ?? refusal(404, "File Not Found", "not_found_error");
    answer(body, response, request);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const connect = (options?: ConnectOptions) => LlamaServer.connect(url, options);
  return { url, requests, connect };
}
