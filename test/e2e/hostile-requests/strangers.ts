/**
 * Run in a network of its own (`unshare -rn`), where this machine has a public address: `vqrae serve` as anyone starts it, with its
 * default limits, and strangers that send slowly, ask nothing, or name large images elsewhere. Prints what came of it as JSON.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { post, type TinyFiles } from "../../helpers/tiny-endpoint.ts";
import type { Probes } from "./health-probe.ts";

/** example.com's, once. Nothing leaves this network. */
const PUBLIC = "93.184.215.14";
const SLOW = 66;
const IDLE = 2000;
/** Connections; a listening socket keeps 511 waiting, and of more at once some are dropped and tried again after up to a minute. */
const AT_ONCE = 100;
const DOWNLOADS = 6;
const IMAGE_BYTES = 24 * 2 ** 20;

export interface Strangers {
  /** Of honest requests, while others send their bodies slowly. */
  readonly besideSlow: readonly number[];
  /** Of connections that ask nothing, how many are open at first, and after the limit of 10 seconds. */
  readonly idle: { readonly first: number; readonly later: number };
  /** Of requests that name 16 images of 24 MiB each. */
  readonly downloads: readonly number[];
  /** How much the server's memory grew meanwhile at most, in MiB. */
  readonly grownMiB: number;
  /** Of /health, asked throughout. */
  readonly health: Probes;
}

if (process.argv[2] !== undefined) console.log(JSON.stringify(await strangers(JSON.parse(process.argv[2]))));

async function strangers({ llm, projector, encoder }: TinyFiles): Promise<Strangers> {
  execFileSync("ip", ["link", "set", "lo", "up"]);
  execFileSync("ip", ["address", "add", `${PUBLIC}/32`, "dev", "lo"]);
  const elsewhere = createServer((_, response) => {
    response.writeHead(200, { "content-type": "image/png" }).end(Buffer.alloc(IMAGE_BYTES, 1));
  });
  elsewhere.listen(8000, PUBLIC);
  await once(elsewhere, "listening");

  const main = fileURLToPath(new URL("../../../cli/main.ts", import.meta.url));
  const models = ["--llm", llm, "--projector", projector, "--encoder", encoder];
  const args = [main, "serve", "--json", "--port", "0", "--gpu", "off", "--allow-remote", ...models];
  const server = spawn(process.execPath, ["--no-warnings", ...args], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const ended = once(server, "exit").then(([code, signal]) => {
      throw new Error(`the server ended at its start: ${code ?? signal}`);
    });
    const [line] = await Promise.race([once(server.stdout, "data"), ended]);
    ended.catch(() => {}); // it is killed at the end
    const { url } = JSON.parse(String(line)) as { url: string };
    const port = Number(new URL(url).port);
    const ask = async (content: unknown) => {
      const body = { model: "tiny-vlm", max_tokens: 2, messages: [{ role: "user", content }] };
      const response = await post(`${url}/v1/chat/completions`, body, { connection: "close" });
      await response.text();
      return response.status;
    };
    // On a thread of its own: this one opens thousands of connections, and one of its own that has not asked yet is then the longest.
    const probe = new Worker(new URL("health-probe.ts", import.meta.url), { workerData: url, execArgv: [] });
    await ask("why");

    const head = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    const slow = await open(port, SLOW, `${head}content-length: 1000\r\n\r\n{`);
    const drip = setInterval(() => {
      for (const socket of slow) if (socket.writable) socket.write(" ");
    }, 200);
    await sleep(500);
    const besideSlow = [];
    for (let i = 0; i < 5; i++) besideSlow.push(await ask("why"));
    clearInterval(drip);
    for (const socket of slow) socket.destroy();

    const idle = await open(port, IDLE, "");
    const openNow = () => idle.filter((socket) => !socket.closed).length;
    const first = await settled(openNow);
    await sleep(14_000);
    const later = openNow();

    const before = await memory(server.pid!);
    let [most, over] = [before, false];
    const watch = (async () => {
      for (; !over; await sleep(10)) most = Math.max(most, await memory(server.pid!));
    })();
    const named = Array.from({ length: 16 }, (_, i) => ({
      type: "image_url",
      image_url: { url: `http://${PUBLIC}:8000/${i}.png` },
    }));
    const downloads = await Promise.all(Array.from({ length: DOWNLOADS }, () => ask(named)));
    over = true;
    await watch; // it reads of a server that is still there

    probe.postMessage("end");
    const [health] = (await once(probe, "message")) as [Probes];
    return { besideSlow, idle: { first, later }, downloads, grownMiB: Math.round((most - before) / 2 ** 20), health };
  } finally {
    server.kill("SIGKILL");
    elsewhere.close();
    elsewhere.closeAllConnections();
  }
}

/** Connections that send `head` and read what comes. */
async function open(port: number, count: number, head: string): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const next = Array.from({ length: Math.min(AT_ONCE, count - sockets.length) }, () => connect(port, "127.0.0.1"));
    sockets.push(...next);
    await Promise.all(
      next.map(async (socket) => {
        socket.on("error", () => {}).resume();
        await Promise.race([once(socket, "connect"), once(socket, "close")]);
        socket.write(head);
      }),
    );
  }
  return sockets;
}

/** What `look` says as soon as it says the same a second later: a busy machine takes its time to accept and to close. */
async function settled(look: () => number): Promise<number> {
  for (;;) {
    const before = look();
    await sleep(1000);
    if (look() === before) return before;
  }
}

/** Resident bytes of a process. */
async function memory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) * 1024;
}
