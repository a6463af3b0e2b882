import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** On a busy machine it takes its time. */
const STARTUP_MS = 120_000;

export interface RunningServer extends AsyncDisposable {
  readonly url: string;
}

/** What stands in for llama-server, unless the environment names a real one: scripts/llama-server. */
const real = process.env.VQRAE_LLAMA_SERVER;
const standIn = fileURLToPath(new URL("stand-in.ts", import.meta.url));

/** Starts llama-server, or what stands in for it, in a process of its own, and waits until it answers. */
export async function startLlamaServer(llm: string, mmproj?: string): Promise<RunningServer> {
  const port = await freePort();
  const shared = ["-m", llm, "-c", "512", "--port", String(port), ...(mmproj ? ["--mmproj", mmproj] : [])];
  const [command, args] = real
    ? [real, [...shared, "--host", "127.0.0.1", "-np", "1", "-t", "1", "--no-warmup", "--jinja"]]
    : [process.execPath, [standIn, ...shared]];
  const child = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.on("data", (chunk) => {
    log = (log + chunk).slice(-4000);
  });
  const url = `http://127.0.0.1:${port}`;
  const server = {
    url,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await once(child, "close");
    },
  };
  for (const end = Date.now() + STARTUP_MS; Date.now() < end && child.exitCode === null; await setTimeout(50)) {
    if (
      await fetch(`${url}/health`).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      return server;
  }
  await server[Symbol.asyncDispose]();
  throw new Error(`The server did not start:\n${log}`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
