import { execFile, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { type AddressInfo, createServer as createSocket } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createEndpoint, listen } from "../../adapters/openai/index.ts";
import { parseArguments } from "../../cli/command/parse-arguments.ts";
import { serve } from "../../cli/serve/serve.ts";

/** The files of examples/deploy, as far as they can be tried without Docker and without root. */
const run = promisify(execFile);
const file = (name: string) => readFile(new URL(`../../examples/deploy/${name}`, import.meta.url), "utf8");
const has = (program: string, ...args: string[]) =>
  run(program, args).then(
    () => true,
    () => false,
  );
const serveWith = (words: readonly string[]) => {
  expect(words[0]).toBe("serve");
  return parseArguments(words.slice(1), serve.shape, "vqrae serve");
};
const [systemd, nginx] = [await has("systemd-analyze", "--version"), await has("nginx", "-v")];
const { limits } = await createEndpoint();

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vqrae-deploy-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe.each(["cpu.Dockerfile", "cuda.Dockerfile"])("%s", (name) => {
  /** Instructions, their lines joined. */
  const instructions = async () =>
    (await file(name))
      .replaceAll(/^#.*\n/gm, "")
      .replaceAll(/\\\n\s*/g, " ")
      .split("\n")
      .filter(Boolean)
      .map((line) => /^([A-Z]+) (.*)$/.exec(line)?.slice(1) as [string, string]);

  test("starts the command line that is in the package", async () => {
    const all = new Map(await instructions());
    expect(JSON.parse(all.get("ENTRYPOINT")!)).toEqual(["node", "node_modules/vqrae/dist/cli.js"]);
    expect(serveWith(JSON.parse(all.get("CMD")!))).toMatchObject({ host: "0.0.0.0", port: Number(all.get("EXPOSE")) });
    expect(all.get("USER")).not.toBe("root");
  });

  test("its health check tells a server that answers from one that does not", async () => {
    const check = new Map(await instructions()).get("HEALTHCHECK")!;
    const [program, ...args] = JSON.parse(/CMD (\[.*\])$/.exec(check)![1]!) as string[];
    expect(program).toBe("node");
    const server = await listen(await createEndpoint(), { port: 0 });
    const healthy = () => has(process.execPath, ...args.map((arg) => arg.replace("http://127.0.0.1:8080", server.url)));
    expect(await healthy()).toBe(true);
    await server.close();
    expect(await healthy()).toBe(false);
  });
});

describe("vqrae.service", () => {
  const lineOf = (text: string, name: string) => new RegExp(`^${name}=(.*)$`, "m").exec(text)![1]!;

  test("starts the command line that is in the package, with time to end", async () => {
    const unit = await file("vqrae.service");
    const [program, script, ...words] = lineOf(unit, "ExecStart").split(" ");
    expect([program, script]).toEqual(["/usr/bin/node", "node_modules/vqrae/dist/cli.js"]);
    expect(serveWith(words)).toMatchObject({ host: "127.0.0.1", allowHost: ["vlm.example.com"] });
    expect(Number(lineOf(unit, "TimeoutStopSec"))).toBeGreaterThan(10);
  });

  test.skipIf(!systemd)("systemd-analyze verify finds nothing", async () => {
    const unit = join(folder, "vqrae.service");
    await writeFile(unit, (await file("vqrae.service")).replace("/usr/bin/node", process.execPath));
    const { stdout, stderr } = await run("systemd-analyze", ["verify", "--man=no", unit]);
    expect(stdout + stderr).toBe("");
  });
});

test("next.config.mjs is that of docs/bundlers.md, which its test builds", async () => {
  const page = await readFile(new URL("../../docs/bundlers.md", import.meta.url), "utf8");
  expect(page).toContain(`\`\`\`js\n// next.config.mjs\n${await file("next.config.mjs")}\`\`\``);
});

describe("nginx.conf", () => {
  test("has the server's own bounds", async () => {
    const text = await file("nginx.conf");
    const numberOf = (name: string) => Number(new RegExp(`^\\s*${name} (\\d+)[ms];$`, "m").exec(text)![1]);
    expect(numberOf("client_max_body_size") * 2 ** 20).toBe(limits.bodyBytes);
    expect(numberOf("proxy_read_timeout") * 1000).toBeGreaterThan(limits.requestMs);
    expect(numberOf("keepalive_timeout") * 1000).toBeLessThan(limits.idleMs);
  });

  describe.skipIf(!nginx)("in nginx", () => {
    let behind: Server;
    let url: string;
    let stop = async () => {};
    /** What the server behind waits for between the two pieces of its answer. */
    let seen = () => {};

    beforeAll(async () => {
      behind = createServer(async (request, response) => {
        let bytes = 0;
        for await (const piece of request) bytes += piece.length;
        if (request.url === "/bytes") return response.end(JSON.stringify({ bytes, host: request.headers.host }));
        response.write("first");
        await new Promise<void>((resolve) => {
          seen = resolve;
        });
        response.end("last");
      });
      const port = await new Promise<number>((resolve) => {
        behind.listen(0, "127.0.0.1", () => resolve((behind.address() as AddressInfo).port));
      });
      const free = await freePort();
      const site = (await file("nginx.conf"))
        .replace("127.0.0.1:8080", `127.0.0.1:${port}`)
        .replace("listen 80;", `listen 127.0.0.1:${free};`);
      await writeFile(join(folder, "site.conf"), site);
      const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
        (name) => `${name}_temp_path ${join(folder, name)};`,
      );
      const main = `daemon off; user ${userInfo().username}; pid ${join(folder, "nginx.pid")}; error_log stderr warn; events {}
        http { access_log off; ${temporary.join(" ")} include ${join(folder, "site.conf")}; }`;
      await writeFile(join(folder, "nginx.conf"), main);
      await run("nginx", ["-t", "-c", join(folder, "nginx.conf")]);
      const child = spawn("nginx", ["-c", join(folder, "nginx.conf")], { stdio: "ignore" });
      stop = async () => {
        const ended = new Promise((resolve) => child.once("exit", resolve));
        child.kill("SIGTERM");
        await ended;
      };
      url = `http://127.0.0.1:${free}`;
      await vi.waitFor(() => fetch(`${url}/bytes`), { timeout: 20_000 });
    });
    afterAll(async () => {
      await stop();
      behind.close();
    });

    test("a stream's first piece comes before its last is written", async () => {
      const { body } = await fetch(`${url}/stream`);
      let text = "";
      for await (const piece of body!.pipeThrough(new TextDecoderStream())) {
        text += piece;
        seen();
      }
      expect(text).toBe("firstlast");
    });

    test("the largest body passes, a larger one does not, and the server is told the client's host", async () => {
      const send = (bytes: number) => fetch(`${url}/bytes`, { method: "POST", body: new Uint8Array(bytes) });
      const host = new URL(url).hostname;
      expect(await (await send(limits.bodyBytes)).json()).toEqual({ bytes: limits.bodyBytes, host });
      expect((await send(limits.bodyBytes + 1)).status).toBe(413);
    });
  });
});

/** A port that was free a moment ago. */
function freePort(): Promise<number> {
  const socket = createSocket();
  return new Promise((resolve) => {
    socket.listen(0, "127.0.0.1", () => {
      const { port } = socket.address() as AddressInfo;
      socket.close(() => resolve(port));
    });
  });
}
