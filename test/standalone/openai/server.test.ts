import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { VisionLanguageModel } from "../../../adapters/llama-cpp/index.ts";
import { createEndpoint, type EndpointOptions, type Listening, listen } from "../../../adapters/openai/index.ts";
import { loadTinyModels, post, serveTiny, type TinyModels } from "../../helpers/tiny-endpoint.ts";

let models: TinyModels;
beforeAll(async () => {
  models = await loadTinyModels();
}, 180_000);
afterAll(() => models[Symbol.asyncDispose]());

type Server = Awaited<ReturnType<typeof serveTiny>>;
async function serving(options: EndpointOptions, use: (server: Server) => Promise<void>): Promise<void> {
  const server = await serveTiny(models, options);
  try {
    await use(server);
    expect(server.errors).toEqual([]);
  } finally {
    await server.close({ graceMs: 100 });
  }
}

/** "why" is answered with hundreds of tokens. */
const body = (maxTokens: number, fields: object = {}) => ({
  model: "tiny-vlm",
  max_tokens: maxTokens,
  messages: [{ role: "user", content: "why" }],
  ...fields,
});
/** The model, with a rest after the first piece of an answer that no machine is too fast for. */
const slowly = (vlm: VisionLanguageModel): VisionLanguageModel => ({
  specificationVersion: "v1",
  modelId: vlm.modelId,
  async *streamChat(messages, options) {
    const stream = vlm.streamChat(messages, options);
    for (let first = true; ; first = false) {
      const { done, value } = await stream.next();
      if (done) return value;
      yield value;
      if (first) await sleep(3000);
      options?.signal?.throwIfAborted();
    }
  },
  async chat(messages, options) {
    await sleep(1000);
    return vlm.chat(messages, options);
  },
  [Symbol.asyncDispose]: async () => {},
});
const chat = (server: Server) => `${server.url}/v1/chat/completions`;
const errorOf = async (answer: Response) => ((await answer.json()) as { error: Record<string, unknown> }).error;

describe("an API key", () => {
  it("is wanted for /v1, and for nothing else", async () => {
    await serving({ apiKey: "secret" }, async (server) => {
      for (const authorization of ["", "Bearer ", "Bearer other", "Basic secret", "Bearer secret2"]) {
        const answer = await post(chat(server), body(4), { authorization });
        expect(answer.status).toBe(401);
        expect(await errorOf(answer)).toMatchObject({ type: "authentication_error", code: "invalid_api_key" });
      }
      const wrong = new OpenAI({ apiKey: "other", baseURL: `${server.url}/v1`, maxRetries: 0 });
      await expect(wrong.models.list()).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
      const right = new OpenAI({ apiKey: "secret", baseURL: `${server.url}/v1` });
      expect((await right.models.list()).data).not.toEqual([]);
      expect(await (await fetch(`${server.url}/health`)).json()).toEqual({ status: "ok" });
    });
  });
});

describe("a queue", () => {
  it("sends away whom it has no room for, with when to come again; the client does", async () => {
    await serving({ parallel: 1, limits: { waiting: 1 } }, async (server) => {
      const answers = await Promise.all(Array.from({ length: 4 }, () => post(chat(server), body(30))));
      const statuses = answers.map(({ status }) => status).sort();
      expect(statuses).toEqual([200, 200, 429, 429]);
      const away = answers.find(({ status }) => status === 429)!;
      expect(Number(away.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
      expect(await errorOf(away)).toMatchObject({ type: "rate_limit_error", code: "server_busy" });
      const client = new OpenAI({ apiKey: "x", baseURL: `${server.url}/v1`, maxRetries: 10 });
      const all = Array.from({ length: 4 }, () => client.chat.completions.create(body(8) as never));
      expect(await Promise.all(all)).toHaveLength(4);
    });
  });

  it("holds no more bytes than it may", async () => {
    const limits = { heldBytes: 1000 };
    await serving({ limits }, async (server) => {
      const answer = await post(chat(server), body(4, { user: "x".repeat(2000) }));
      expect(answer.status).toBe(429);
      expect((await post(chat(server), body(4))).status).toBe(200);
    });
  });
});

describe("connections", () => {
  const HEAD = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
  /** Opens connections that send `head` and then nothing. */
  async function opened(server: Server, count: number, head: string) {
    const sockets = Array.from({ length: count }, () => connect(Number(new URL(server.url).port), "127.0.0.1"));
    const closed = sockets.map((socket) => new Promise((resolve) => socket.once("close", resolve)));
    await Promise.all(sockets.map((socket) => once(socket, "connect")));
    for (const socket of sockets) socket.on("error", () => {}).write(head);
    return { sockets, closed };
  }

  it("that send their bodies slowly keep nobody out of the queue", async () => {
    await serving({ parallel: 1, limits: { waiting: 2 } }, async (server) => {
      const { sockets } = await opened(server, 12, `${HEAD}content-length: 99\r\n\r\n{`);
      await sleep(200);
      expect((await post(chat(server), body(4))).status).toBe(200);
      for (const socket of sockets) socket.destroy();
    });
  });

  it("that ask nothing are closed", async () => {
    await serving({ limits: { idleMs: 300 } }, async (server) => {
      const { closed } = await opened(server, 20, "");
      await Promise.all(closed);
      // One that has had its answer may ask again, and is closed too.
      const { sockets, closed: later } = await opened(server, 1, "GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n");
      await once(sockets[0]!, "data");
      await Promise.all(later);
    });
  });

  it("are bounded, and make room for whoever comes", async () => {
    await serving({ limits: { connections: 10 } }, async (server) => {
      for (const head of ["", `${HEAD}content-length: 99\r\n\r\n{`]) {
        const { sockets, closed } = await opened(server, 40, head);
        let left = 40;
        for (const one of closed) one.then(() => (left -= 1));
        for (let i = 0; i < 5; i++) expect((await post(chat(server), body(4))).status).toBe(200);
        await vi.waitFor(() => expect(left).toBeLessThanOrEqual(10));
        for (const socket of sockets) socket.destroy();
      }
    });
  });

  it("whose answer is made stay, however many come", async () => {
    const limits = { connections: 3 };
    await serving({ languageModels: [slowly(models.vlm)], parallel: 2, limits }, async (server) => {
      const running = Promise.all([post(chat(server), body(4)), post(chat(server), body(4))]);
      await sleep(300);
      const { sockets } = await opened(server, 20, "");
      expect((await running).map(({ status }) => status)).toEqual([200, 200]);
      for (const socket of sockets) socket.destroy();
    });
  });
});

describe("time", () => {
  it("ends a request, and what it was doing", async () => {
    await serving({ languageModels: [slowly(models.vlm)], parallel: 1, limits: { requestMs: 150 } }, async (server) => {
      const answer = await post(chat(server), body(480));
      expect(answer.status).toBe(504);
      expect(answer.headers.get("x-should-retry")).toBe("false");
      expect(await errorOf(answer)).toMatchObject({ type: "server_error", code: "timeout" });
    });
  });

  it("ends a stream with an error event", async () => {
    await serving({ languageModels: [slowly(models.vlm)], limits: { requestMs: 2000 } }, async (server) => {
      const text = await (await post(chat(server), body(480, { stream: true }))).text();
      const last = text.trim().split("\n\n").at(-1)!;
      expect(JSON.parse(last.replace(/^data: /, ""))).toMatchObject({ error: { code: "timeout" } });
    });
  });

  it("ends a client that does not send what it announced", async () => {
    await serving({ limits: { receiveMs: 300 } }, async (server) => {
      const { port } = new URL(server.url);
      const answer = await new Promise<string>((resolve) => {
        const socket = connect(Number(port), "127.0.0.1", () => {
          socket.write(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{",
          );
        });
        let received = "";
        socket.on("data", (data) => {
          received += data;
        });
        socket.on("close", () => resolve(received));
      });
      expect(answer).toMatch(/^HTTP\/1\.1 408/);
      expect(JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4))).toMatchObject({
        error: { type: "invalid_request_error" },
      });
      expect((await post(chat(server), body(4))).status).toBe(200);
    });
  });

  /** What a client gets that sends this and waits for the end of its connection, or two seconds. */
  const sent = (server: Server, text: string) =>
    new Promise<{ received: string; closed: boolean }>((resolve) => {
      let received = "";
      const socket = connect(Number(new URL(server.url).port), "127.0.0.1", () => socket.write(text));
      const late = setTimeout(() => socket.destroy(), 2000);
      let closed = false;
      socket.on("data", (data) => (received += data));
      socket.on("end", () => (closed = true)).on("error", () => (closed = true));
      socket.on("close", () => {
        clearTimeout(late);
        resolve({ received, closed });
      });
    });

  it("closes a connection of many requests that no answer is waited for, and answers a few", async () => {
    await serving({}, async (server) => {
      const one = "GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n";
      const few = await sent(server, one.repeat(10));
      expect([few.received.match(/200 OK/g)?.length, few.closed]).toEqual([10, false]);
      const many = await sent(server, one.repeat(5000));
      expect(many.closed).toBe(true);
      expect(many.received.match(/200 OK/g)?.length ?? 0).toBeLessThan(20);
      expect((await post(chat(server), body(4))).status).toBe(200);
    });
  });

  it("closes one whose body comes in splinters, and takes one in small chunks", async () => {
    await serving({}, async (server) => {
      const head =
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n" +
        "content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
      const json = JSON.stringify(body(4));
      const last = `${json.length.toString(16)}\r\n${json}\r\n0\r\n\r\n`;
      const chunks = (length: number) => `${length.toString(16)}\r\n${" ".repeat(length)}\r\n`.repeat(2000);
      const splinters = await sent(server, head + chunks(1) + last);
      expect(splinters.closed).toBe(true);
      // The answer is lost where the client goes on sending into the closed connection.
      expect(splinters.received).toMatch(/^$|^HTTP\/1\.1 400 .*larger ones/s);
      expect((await sent(server, head + chunks(20) + last)).received).toMatch(/^HTTP\/1\.1 200/);
    });
  });

  it("answers what is no HTTP at all", async () => {
    await serving({}, async (server) => {
      const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
      socket.write("hello?\r\n\r\n");
      let received = "";
      for await (const data of socket) received += data;
      expect(received).toMatch(/^HTTP\/1\.1 400[\s\S]*"invalid_request_error"/);
    });
  });
});

describe("a client that leaves", () => {
  it.each([false, true])("ends the work (stream: %s)", async (stream) => {
    const { vlm } = models;
    const signals: AbortSignal[] = [];
    /** The model, and the signals that it was given. */
    const watched: VisionLanguageModel = {
      specificationVersion: "v1",
      modelId: vlm.modelId,
      streamChat: (messages, options) => {
        signals.push(options!.signal!);
        return vlm.streamChat(messages, options);
      },
      chat: (messages, options) => {
        signals.push(options!.signal!);
        return vlm.chat(messages, options);
      },
      [Symbol.asyncDispose]: async () => {},
    };
    await serving({ languageModels: [watched], parallel: 1, limits: { waiting: 0 } }, async (server) => {
      const controller = new AbortController();
      const left = post(chat(server), body(480, { stream }), {}, controller.signal).then((answer) => answer.text());
      left.catch(() => {});
      await vi.waitFor(() => expect(signals).toHaveLength(1), 30_000);
      controller.abort();
      await expect(left).rejects.toThrow();
      await vi.waitFor(() => expect(signals[0]!.aborted).toBe(true), 30_000);
      await vi.waitFor(async () => expect((await post(chat(server), body(4))).status).toBe(200), 30_000);
    });
  });

  it("and one that reads nothing keep nobody from their answers", async () => {
    await serving({ parallel: 1 }, async (server) => {
      const { port } = new URL(server.url);
      const slow = httpRequest({
        port,
        method: "POST",
        path: "/v1/chat/completions",
        headers: { "content-type": "application/json" },
      });
      slow.on("response", (response) => response.pause());
      slow.on("error", () => {});
      slow.end(JSON.stringify(body(100, { stream: true })));
      await sleep(100);
      expect((await post(chat(server), body(4))).status).toBe(200);
      slow.destroy();
    });
  });
});

describe("the host", () => {
  /** The status of a request by this name. */
  const statusOf = (server: Listening, host: string) =>
    new Promise<number>((resolve, reject) => {
      httpRequest({ port: new URL(server.url).port, path: "/v1/models", headers: { host } }, (response) => {
        response.resume();
        resolve(response.statusCode!);
      })
        .on("error", reject)
        .end();
    });
  const OWN = ["localhost", "LOCALHOST:80", "127.0.0.1", "192.168.1.7:8080", "[::1]", "[2001:db8::1]:8080"];
  const FOREIGN = ["attacker.example", "localhost.attacker.example", "127.0.0.1.nip.io", "127.0.0.1x", "xn--"];

  it.each(["127.0.0.1", "0.0.0.0"])(
    "must be this machine's own name, on %s too: no page elsewhere reaches the server through a name of its own",
    async (host) => {
      const endpoint = await createEndpoint();
      const server = await listen(endpoint, { port: 0, host });
      for (const name of OWN) expect([name, await statusOf(server, name)]).toEqual([name, 200]);
      for (const name of FOREIGN) expect([name, await statusOf(server, name)]).toEqual([name, 403]);
      await server.close();
    },
  );

  it("may be one of the names that were given", async () => {
    const server = await listen(await createEndpoint(), {
      port: 0,
      host: "0.0.0.0",
      allowedHosts: ["VLM.example", "vqrae"],
    });
    for (const name of [...OWN, "vlm.example:443", "vqrae:8080"]) expect(await statusOf(server, name)).toBe(200);
    for (const name of FOREIGN) expect(await statusOf(server, name)).toBe(403);
    await server.close();
  });

  it("and port must be free", async () => {
    await serving({}, async (server) => {
      const port = Number(new URL(server.url).port);
      await expect(listen(await createEndpoint(), { port })).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        message: expect.stringContaining(String(port)),
      });
    });
  });
});

it.each<[object, string]>([
  [{ parallel: 0 }, 'option "parallel" of createEndpoint'],
  [{ limits: { images: -1 } }, 'option "images" of createEndpoint\'s limits'],
  [{ limits: { image: 4 } }, '"image"'],
  [{ models: [] }, '"models"'],
])("an endpoint is refused the options %j", async (options, message) => {
  await expect(createEndpoint(options)).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    message: expect.stringContaining(message),
  });
});

describe("close", () => {
  it("lets running answers end and takes no more", async () => {
    const server = await serveTiny(models);
    const running = post(chat(server), body(60));
    await sleep(30);
    const closed = server.close();
    expect((await running).status).toBe(200);
    await closed;
    await expect(fetch(`${server.url}/health`)).rejects.toThrow();
  });

  it("ends what takes too long, with status 503", async () => {
    const server = await serveTiny(models, { parallel: 1 });
    const answers = [post(chat(server), body(480)), post(chat(server), body(480))];
    await sleep(100);
    await server.close({ graceMs: 50 });
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(statuses).toContain(503);
    expect(server.errors).toEqual([]);
  });
});
