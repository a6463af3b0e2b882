import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isPublicAddress } from "../../../adapters/openai/images/public-address.ts";
import { fetchRemoteImage, type RemoteImageOptions } from "../../../adapters/openai/images/remote-image.ts";

describe("public addresses", () => {
  it.each(["93.184.215.14", "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:8.8.8.8"])(
    "%s is one",
    (address) => {
      expect(isPublicAddress(address)).toBe(true);
    },
  );

  it.each([
    ...[
      "127.0.0.1",
      "127.8.8.8",
      "0.0.0.0",
      "10.1.2.3",
      "172.16.0.1",
      "172.31.255.255",
      "192.168.1.1",
      "169.254.169.254",
    ],
    ...["100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"],
    ...["::", "::1", "fe80::1", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1", "64:ff9b::7f00:1", "2002:7f00:1::"],
    // Only 2000::/3 is given out.
    ...["::7f00:1", "::8.8.8.8", "4000::1", "1::1", "c000::1", "fec0::1", "100::1", "5f00::1", "3fff::1", "2001:10::1"],
    // An IPv4 address inside: 6to4, Teredo, NAT64 of both prefixes, translated, ISATAP.
    ...["2002:808:808::1", "2001:0:808:808::1", "64:ff9b::8.8.8.8", "64:ff9b:1::7f00:1", "::ffff:0:7f00:1"],
    ...["2606:2800::5efe:7f00:1", "2606:2800::200:5efe:10.0.0.1", "fe80::5efe:127.0.0.1"],
    ...["::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "not an address", ""],
  ])("%s is none", (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});

const PIXELS = Buffer.from("an image, as far as HTTP knows");
let server: Server;
let origin: string;
/** What the paths answer: a status, headers, a body. */
const paths: Record<string, [number, Record<string, string>, (string | Buffer)?]> = {
  "/cat.png": [200, { "content-type": "image/png" }, PIXELS],
  "/page": [200, { "content-type": "text/html" }, "<p>"],
  "/gone": [404, { "content-type": "image/png" }, ""],
  "/huge": [200, { "content-type": "image/png" }, Buffer.alloc(5000)],
  "/moved": [302, { location: "/cat.png" }],
  "/loop": [302, { location: "/loop" }],
  "/to-private": [302, { location: "http://127.0.0.2:1/secret.png" }],
  "/to-metadata": [307, { location: "http://169.254.169.254/latest/meta-data" }],
  "/to-file": [302, { location: "file:///etc/passwd" }],
};
const asked: string[] = [];
beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request.url!);
    if (request.url === "/slow") return;
    const [status, headers, body] = paths[request.url!]!;
    response.writeHead(status, headers).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const atMost = (most: number) => {
  let held = 0;
  return (bytes: number) => {
    held += bytes;
    if (held > most) throw new Error(`more than ${most} bytes`);
  };
};

/** This machine's 127.0.0.1 stands for the public internet here, and nothing else does. */
const fetching = (url: string, options: Partial<RemoteImageOptions> = {}) =>
  fetchRemoteImage(url, "image", {
    hold: atMost(1000),
    timeoutMs: 2000,
    isAllowed: (address) => address === "127.0.0.1",
    ...options,
  });

describe("a remote image", () => {
  it("is fetched, over redirects too", async () => {
    for (const path of ["/cat.png", "/moved"]) expect(Buffer.from(await fetching(origin + path))).toEqual(PIXELS);
  });

  it.each<[string, string, RegExp]>([
    ["is a page", "/page", /content type text\/html/],
    ["is gone", "/gone", /status 404/],
    ["is too large", "/huge", /more than 1000 bytes/],
    ["goes round in circles", "/loop", /redirects/],
    ["leads to a private address", "/to-private", /not public/],
    ["leads to a cloud's metadata", "/to-metadata", /not public/],
    ["leads to a file", "/to-file", /protocol file:/],
    ["does not come", "/slow", /no answer within/],
  ])("that %s is refused", async (_name, path, message) => {
    await expect(fetching(origin + path, { timeoutMs: path === "/slow" ? 200 : 5000 })).rejects.toMatchObject({
      status: 400,
      param: "image",
      message: expect.stringMatching(message),
    });
  });

  it("of a private address is never asked for, whatever its spelling", async () => {
    asked.length = 0;
    const { port } = new URL(origin);
    for (const host of [
      "127.0.0.1",
      "localhost",
      "127.1",
      "2130706433",
      "0x7f000001",
      "0177.0.0.1",
      "[::ffff:127.0.0.1]",
      "0",
    ]) {
      const url = `http://${host}:${port}/cat.png`;
      const real = fetchRemoteImage(url, "image", { hold: atMost(1000), timeoutMs: 5000 });
      await expect(real).rejects.toMatchObject({
        status: 400,
        message: expect.stringMatching(/not public|not resolve/),
      });
    }
    expect(asked).toEqual([]);
  });

  it.each(["http://user:secret@127.0.0.1/", "ftp://127.0.0.1/a.png", "http://", "http://no-such-name.invalid/a.png"])(
    "at %s is refused",
    async (url) => {
      await expect(fetching(url)).rejects.toMatchObject({ status: 400 });
    },
  );

  it("is given up with the request", async () => {
    const reason = new Error("gone");
    const controller = new AbortController();
    const running = fetching(`${origin}/slow`, { signal: controller.signal });
    setTimeout(() => controller.abort(reason), 50);
    await expect(running).rejects.toBe(reason);
  });
});
