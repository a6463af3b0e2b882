import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodePng } from "../../../sdk/index.ts";
import { maskedPng } from "../../helpers/masked-png.ts";
import { post, writeTinyFiles } from "../../helpers/tiny-endpoint.ts";
import { picture } from "../runtime/fixtures/tiny.ts";

/** Clients of every protocol at once, some of whom leave or send nonsense, against one `vqrae serve`. */
const CLIENTS = 200;

let folder: string;
let child: ChildProcess;
let url: string;
let base64: string[];
let mask: Uint8Array<ArrayBuffer>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vqrae-mixed-"));
  const { llm, projector, encoder, generator } = await writeTinyFiles(folder);
  const main = fileURLToPath(new URL("../../../cli/main.ts", import.meta.url));
  const models = ["--llm", llm, "--projector", projector, "--encoder", encoder, "--generator", generator];
  const args = [main, "serve", "--json", "--port", "0", "--gpu", "off", ...models];
  child = spawn(process.execPath, args, {
    env: { ...process.env, NODE_NO_WARNINGS: "1", VQRAE_API_KEY: "" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(child.stdout!, "data");
  ({ url } = JSON.parse(String(line)));
  const pngs = await Promise.all([0, 1, 2].map((i) => encodePng(picture(30, 20, i * 7))));
  base64 = pngs.map((png) => Buffer.from(png).toString("base64"));
  mask = await maskedPng(30, 20, (x) => x >= 16);
}, 180_000);
afterAll(async () => {
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
  await rm(folder, { recursive: true, force: true });
});

/** A request, and what of its answer is the same each time. */
interface Kind {
  send(i: number, signal?: AbortSignal): Promise<Response>;
  /** Of an answer's text. */
  read(text: string): unknown;
  readonly status?: number;
}

const dataUrl = (i: number) => `data:image/png;base64,${base64[i % 3]}`;
const json = (text: string) => JSON.parse(text);
const eventsOf = (text: string): string[] => text.split("\n").flatMap((line) => /^data: (\{.*)/.exec(line)?.[1] ?? []);
const chatBody = (i: number) => ({
  model: "tiny-vlm",
  max_tokens: 4,
  messages: [
    {
      role: "user",
      content: [
        { type: "image_url", image_url: { url: dataUrl(i) } },
        { type: "text", text: "why" },
      ],
    },
  ],
});
const sent = (path: string, bodyOf: (i: number) => unknown, read: Kind["read"], status = 200): Kind => ({
  send: (i, signal) => post(url + path, bodyOf(i), {}, signal),
  read,
  status,
});
const messageOf = (text: string) => json(text).error.message ?? json(text).error;

const kinds: Readonly<Record<string, Kind>> = {
  chat: sent("/v1/chat/completions", chatBody, (text) => json(text).choices[0].message.content),
  "chat, streamed": sent(
    "/v1/chat/completions",
    (i) => ({ ...chatBody(i), stream: true }),
    (text) =>
      eventsOf(text)
        .map((event) => json(event).choices[0].delta.content ?? "")
        .join(""),
  ),
  response: sent(
    "/v1/responses",
    (i) => ({
      model: "tiny-vlm",
      max_output_tokens: 4,
      input: [{ role: "user", content: [{ type: "input_image", image_url: dataUrl(i) }] }],
    }),
    (text) => json(text).output[0].content[0].text,
  ),
  "response, streamed": sent(
    "/v1/responses",
    (i) => ({ model: "tiny-vlm", max_output_tokens: 4, input: `why ${i % 3}`, stream: true }),
    (text) => json(eventsOf(text).at(-1)!).response.output[0].content[0].text,
  ),
  "Anthropic's message": sent(
    "/v1/messages",
    (i) => ({
      model: "tiny-vlm",
      max_tokens: 4,
      messages: [
        {
          role: "user",
          content: [{ type: "image", source: { type: "base64", media_type: "image/png", data: base64[i % 3] } }],
        },
      ],
    }),
    (text) => json(text).content[0].text,
  ),
  "Ollama's chat, streamed": sent(
    "/api/chat",
    (i) => ({
      model: "tiny-vlm",
      options: { num_predict: 4 },
      messages: [{ role: "user", content: "why", images: [base64[i % 3]] }],
    }),
    (text) =>
      text
        .trim()
        .split("\n")
        .map((line) => json(line).message.content)
        .join(""),
  ),
  "a picture by a response's tool": sent(
    "/v1/responses",
    (i) => ({ model: "tiny-vlm", input: "a cat", tools: [{ type: "image_generation", seed: i % 3 }] }),
    (text) => json(text).output[0].result,
  ),
  "logprobs, streamed": sent(
    "/v1/chat/completions",
    (i) => ({ ...chatBody(i), stream: true, logprobs: true, top_logprobs: 1 }),
    (text) =>
      eventsOf(text).flatMap((event) =>
        (json(event).choices[0].logprobs?.content ?? []).map((one: { token: string }) => one.token),
      ),
  ),
  embedding: sent(
    "/v1/embeddings",
    (i) => ({ input: dataUrl(i) }),
    (text) => json(text).data[0].embedding,
  ),
  ids: sent(
    "/v1/vision/tokens",
    (i) => ({ image: dataUrl(i) }),
    (text) => json(text).data[0].ids,
  ),
  drawing: sent(
    "/v1/images/generations",
    (i) => ({ prompt: "a cat", seed: i % 3 }),
    (text) => json(text).data[0].b64_json,
  ),
  "edit by a form": {
    send(i, signal) {
      const form = new FormData();
      form.set("prompt", "a cat");
      form.set("seed", String(i % 3));
      form.set("image", new Blob([Buffer.from(base64[i % 3]!, "base64")]), "a.png");
      form.set("mask", new Blob([mask]), "m.png");
      return fetch(`${url}/v1/images/edits`, { method: "POST", body: form, ...(signal && { signal }) });
    },
    read: (text) => json(text).data[0].b64_json,
  },
  "what is no JSON": sent("/v1/chat/completions", () => "{", messageOf, 400),
  "an image that is none": sent(
    "/api/chat",
    () => ({ model: "tiny-vlm", messages: [{ role: "user", content: "x", images: ["AAAA"] }] }),
    messageOf,
    400,
  ),
  "a model that is not there": sent("/v1/responses", () => ({ model: "gpt", input: "x" }), messageOf, 404),
  "lists in lists": sent("/v1/messages", () => "[".repeat(100_000), messageOf, 400),
  "a form without a name": {
    send: (_, signal) =>
      fetch(`${url}/v1/images/edits`, {
        method: "POST",
        headers: { "content-type": "multipart/form-data; boundary=x" },
        body: '--x\r\ncontent-disposition: form-data; filename="a"\r\n\r\nx\r\n--x--\r\n',
        ...(signal && { signal }),
      }),
    read: messageOf,
    status: 400,
  },
};
const all = Object.entries(kinds);

/** The answer; one that is told to come again does. */
async function answer([name, { send, read, status = 200 }]: (typeof all)[number], i: number): Promise<unknown> {
  for (;;) {
    const response = await send(i);
    const text = await response.text();
    if (response.status === 429) await new Promise((resolve) => setTimeout(resolve, 200));
    else if (response.status !== status) throw new Error(`${name}: status ${response.status}, ${text}`);
    else return read(text);
  }
}

/** A client that leaves at the first bytes of an answer, or before them. */
async function leave([, { send }]: (typeof all)[number], i: number): Promise<void> {
  const gone = new AbortController();
  if (i % 2 === 0) setTimeout(() => gone.abort(), i);
  try {
    const response = await send(i, gone.signal);
    await response.body?.getReader().read();
  } catch (error) {
    if (!gone.signal.aborted) throw error;
  }
  gone.abort();
}

const descriptors = async () => (await readdir(`/proc/${child.pid}/fd`)).length;
/** What the server says of itself that is not 0. */
async function atWork(): Promise<string[]> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return text.split("\n").filter((line) => /^vqrae_(held_bytes|requests_(running|waiting)).* [1-9]/.test(line));
}

describe(`${CLIENTS} clients of every protocol`, { timeout: 600_000 }, () => {
  it("get each the answer that the request has alone, whoever leaves beside them", async () => {
    const alone = new Map<string, unknown[]>();
    for (const kind of all) alone.set(kind[0], [await answer(kind, 0), await answer(kind, 1), await answer(kind, 2)]);
    const before = await descriptors();
    const clients = Array.from({ length: CLIENTS }, async (_, i) => {
      const kind = all[i % all.length]!;
      // One in seven leaves.
      if (i % 7 === 3) return leave(kind, i);
      expect([kind[0], await answer(kind, i)]).toEqual([kind[0], alone.get(kind[0])![i % 3]]);
    });
    const failed = (await Promise.allSettled(clients)).filter((one) => one.status === "rejected");
    expect(failed.map(({ reason }) => String(reason))).toEqual([]);
    await expect.poll(atWork, { timeout: 60_000, interval: 200 }).toEqual([]);
    // No session, listener or connection is left: the same again, and as many open files once idle connections have ended.
    for (const kind of all) expect(await answer(kind, 1)).toEqual(alone.get(kind[0])![1]);
    if (process.platform === "linux") {
      await expect.poll(descriptors, { timeout: 120_000, interval: 500 }).toBeLessThanOrEqual(before);
    }
    expect(child.exitCode).toBeNull();
  });
});
