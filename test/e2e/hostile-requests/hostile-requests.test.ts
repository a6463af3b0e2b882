import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { post, writeTinyFiles } from "../../helpers/tiny-endpoint.ts";
import { noteTried } from "../../helpers/tried.ts";
import { corpus as first, type HostileRequest, refusedEarly } from "./corpus.ts";
import type { Probes } from "./health-probe.ts";
import { otherProtocols } from "./other-protocols.ts";
import type { Stalls } from "./stall-monitor.ts";

const corpus: readonly HostileRequest[] = [...first, ...otherProtocols];

/** Milliseconds of the main thread's processor time in one turn of its event loop. */
const LONGEST_MS = 100;
/**
 * Where others share the cores, a turn takes many times what it needs, for seconds: the shortest of so many tries counts, each later
 * than the last.
 */
const TRIES = 8;

let folder: string;
let server: ChildProcess;
let url: string;
let honest: string;
/** Asks for /health while everything else goes on. */
let probe: Worker;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vqrae-hostile-"));
  const { llm, projector, encoder, generator } = await writeTinyFiles(folder);
  const main = fileURLToPath(new URL("../../../cli/main.ts", import.meta.url));
  const models = ["--llm", llm, "--projector", projector, "--encoder", encoder, "--generator", generator];
  const monitor = pathToFileURL(join(import.meta.dirname, "stall-monitor.ts")).href;
  const args = ["--import", monitor, main, "serve", "--json", "--port", "0", "--gpu", "off", ...models];
  server = spawn(process.execPath, args, {
    env: { ...process.env, NODE_NO_WARNINGS: "1" },
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  const [line] = await once(server.stdout!, "data");
  ({ url } = JSON.parse(String(line)));
  expect(String(line)).toMatch(/^{"url":/);
  honest = await answer();
  await longestTurn(); // what loading took counts for nothing
  probe = new Worker(new URL("health-probe.ts", import.meta.url), { workerData: url, execArgv: [] });
}, 300_000);
afterAll(async () => {
  await probe?.terminate();
  server.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

/** What an honest client gets. */
async function answer(): Promise<string> {
  const body = { model: "tiny-vlm", max_tokens: 6, messages: [{ role: "user", content: "why" }] };
  const response = await post(`${url}/v1/chat/completions`, body);
  expect(response.status).toBe(200);
  const { choices } = (await response.json()) as { choices: { message: { content: string } }[] };
  return choices[0]!.message.content;
}

/** Processor time of the longest turn since the last question. */
async function longestTurn(): Promise<number> {
  const said = once(server, "message");
  server.send("longest");
  const [stalls] = (await said) as [Stalls];
  return stalls.longestMs;
}

/** The longest turn during `work`, of as many tries as it takes to keep the bound. */
async function longestTurnIn(work: () => Promise<unknown>): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < TRIES && least >= LONGEST_MS; i++) {
    await sleep(500 * i);
    await longestTurn();
    await work();
    least = Math.min(least, await longestTurn());
  }
  return least;
}

/**
 * The status and the error of a request, on a connection of its own: while the body is made, the server may close one that waits. A
 * server that refuses a body may close before all of it is sent.
 */
async function send({ path, body, contentType }: HostileRequest): Promise<[number, string]> {
  const headers = { connection: "close", ...(contentType !== undefined && { "content-type": contentType }) };
  const response = await post(`${url}${path}`, body(), headers);
  const { error } = (await response.json()) as { error?: string | { message: string } | null };
  return [response.status, (typeof error === "string" ? error : error?.message) ?? ""];
}

/** Printed with VQRAE_SHOW_STALLS=1: docs/security.md has these figures. */
const longest = new Map<string, number>();
afterAll(() => {
  if (process.env.VQRAE_SHOW_STALLS === undefined) return;
  const rows = [...longest].sort(([, a], [, b]) => b - a);
  process.stdout.write(`${rows.map(([name, ms]) => `${ms.toFixed(0).padStart(4)} ms  ${name}`).join("\n")}\n`);
});

describe("vqrae serve", { timeout: 240_000 }, () => {
  it.each(corpus)("answers $name with $status", async (request) => {
    const ms = await longestTurnIn(async () => {
      const [status, message] = await send(request).catch((error) => {
        if (!refusedEarly(request)) throw error;
        return [request.status, "Expected less (the connection was closed)"];
      });
      expect([status, message]).toEqual([request.status, status === 200 ? "" : expect.stringContaining("Expected")]);
    });
    longest.set(request.name, ms);
    expect(ms).toBeLessThan(LONGEST_MS);
    noteTried("a hostile request", 1);
  });

  it("answers the dearest of them at once", async () => {
    const dear = corpus.filter(({ body }) => body().length > 100_000);
    expect(await longestTurnIn(() => Promise.allSettled(dear.map(send)))).toBeLessThan(LONGEST_MS);
  });

  it("answers honest clients while others send slowly, send nothing or leave", async () => {
    const port = Number(new URL(url).port);
    const head = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    const first = [
      "",
      `${head}content-length: 1000\r\n\r\n{`,
      "no HTTP at all\r\n\r\n",
      `${head}x: ${"y".repeat(40_000)}`,
    ];
    const sockets = Array.from({ length: 200 }, (_, i) => {
      const socket = connect(port, "127.0.0.1", () => socket.write(first[i % first.length]!));
      return socket.on("error", () => {}).on("data", () => {});
    });
    const body = { model: "tiny-vlm", max_tokens: 400, stream: true, messages: [{ role: "user", content: "why" }] };
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const response = await post(`${url}/v1/chat/completions`, body);
        await response.body?.cancel();
      }),
    );
    expect(await answer()).toBe(honest);
    for (const socket of sockets) socket.destroy();
    expect(await longestTurn()).toBeLessThan(LONGEST_MS);
  });

  it("closes connections that are full of requests, or whose bodies come in splinters, before they take long", async () => {
    const port = Number(new URL(url).port);
    const floods = [
      "GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(5000),
      `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n${"1\r\n \r\n".repeat(100_000)}`,
    ];
    const ms = await longestTurnIn(() =>
      Promise.all(
        floods.map(
          (flood) =>
            new Promise((closed) => {
              const socket = connect(port, "127.0.0.1", () => socket.write(flood));
              socket
                .on("error", () => {})
                .on("data", () => {})
                .on("close", closed);
            }),
        ),
      ),
    );
    expect(ms).toBeLessThan(LONGEST_MS);
    expect(await answer()).toBe(honest);
  });

  it("has answered /health throughout, and answers as before", async () => {
    expect(await answer()).toBe(honest);
    const said = once(probe, "message");
    probe.postMessage("end");
    const [{ answered, failed }] = (await said) as [Probes];
    expect(failed).toEqual([]);
    expect(answered).toBeGreaterThan(corpus.length);
    const ended = once(server, "exit");
    server.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
  });
});
