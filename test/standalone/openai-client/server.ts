import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

export interface Received {
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: {
    readonly messages: readonly { readonly role: string; readonly content: unknown }[];
    readonly [name: string]: unknown;
  };
}

/** An endpoint on this machine: `answers` are given one request after the other; the last one is given again to all later requests. */
export async function endpoint(...answers: readonly ((response: ServerResponse, body: Received["body"]) => void)[]) {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    const body = JSON.parse(text);
    received.push({ url: request.url, headers: request.headers, body });
    answers[Math.min(received.length, answers.length) - 1]!(response, body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, received };
}

export const json =
  (value: unknown, status = 200, headers: Record<string, string> = {}) =>
  (response: ServerResponse) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify(value));
  };

export const completion = (content: string | null, finish_reason = "stop") =>
  json({
    choices: [{ message: { role: "assistant", content }, finish_reason }],
    usage: { prompt_tokens: 7, completion_tokens: 2 },
  });

export const events =
  (...all: readonly (object | string)[]) =>
  (response: ServerResponse) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.end(all.map((event) => `data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`).join(""));
  };

export const delta = (content: string, finish_reason: string | null = null) => ({
  choices: [{ delta: { content }, finish_reason }],
});
