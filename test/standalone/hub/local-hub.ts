import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { onTestFinished, vi } from "vitest";
import { type PulledGguf, type PullOptions, pullModel } from "../../../adapters/hub/index.ts";
import { temporaryFolder } from "../checkpoint/temporary.ts";

/** @throws for a checkpoint of transformers */
export async function pullGguf(name: string, options: PullOptions = {}): Promise<PulledGguf> {
  const pulled = await pullModel(name, options);
  if ("llm" in pulled) return pulled;
  throw new Error("no GGUF files");
}

export interface LocalHubFile {
  readonly content: Buffer;
  /** Small files are in git, large ones in LFS. */
  readonly lfs: boolean;
}

export interface LocalHub {
  readonly url: string;
  /** "GET /path range", in order. */
  readonly requests: string[];
  /** Does something else than the hub with a request; true if it answered. */
  interfere: ((request: IncomingMessage, response: ServerResponse) => boolean) | null;
}

export const sha256 = (content: Buffer): string => createHash("sha256").update(content).digest("hex");
const gitHash = (content: Buffer): string =>
  createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");

export const COMMIT = "0123456789abcdef0123456789abcdef01234567";

/**
 * A server on this machine that speaks as much of the hub's protocol as @huggingface/hub asks of it: model information,
 * listing, path information, and files by redirect and range.
 */
export async function startLocalHub(repo: string, files: Readonly<Record<string, LocalHubFile>>): Promise<LocalHub> {
  const entry = (path: string) => {
    const file = files[path];
    if (file === undefined) return [];
    const { content, lfs } = file;
    const large = { oid: sha256(content), size: content.length, pointerSize: 130 };
    return [{ type: "file", path, size: content.length, oid: gitHash(content), ...(lfs && { lfs: large }) }];
  };
  const json = (response: ServerResponse, body: unknown, status = 200) => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname } = new URL(request.url ?? "", "http://hub");
    const resolved = new RegExp(`^/${repo}/resolve/[^/]+/(.+)$`).exec(pathname)?.[1];
    const stored = /^\/storage\/(.+)$/.exec(pathname)?.[1];
    if (pathname.startsWith(`/api/models/${repo}/revision/`)) {
      return json(response, { _id: "1", id: repo, sha: COMMIT, cardData: { license: "apache-2.0" }, tags: [] });
    }
    if (pathname === `/api/models/${repo}/tree/${COMMIT}`) return json(response, Object.keys(files).flatMap(entry));
    if (pathname === `/api/models/${repo}/paths-info/${COMMIT}`) {
      const chunks = await request.toArray();
      const { paths } = JSON.parse(Buffer.concat(chunks).toString());
      return json(response, paths.flatMap(entry));
    }
    const file = files[decodeURIComponent(resolved ?? stored ?? "")];
    if (file === undefined) {
      response.setHeader("x-error-code", resolved === undefined ? "RepoNotFound" : "EntryNotFound");
      return json(response, { error: "Not found" }, 404);
    }
    const { content, lfs } = file;
    const etag = `"${lfs ? sha256(content) : gitHash(content)}"`;
    if (resolved !== undefined && lfs) {
      response.writeHead(302, { location: `/storage/${resolved}`, "x-linked-etag": etag }).end();
      return;
    }
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
    if (from === undefined) {
      response.writeHead(200, { etag, "content-length": content.length }).end(content);
      return;
    }
    const end = Math.min(to ? Number(to) + 1 : content.length, content.length);
    const range = `bytes ${from}-${end - 1}/${content.length}`;
    response.writeHead(206, { etag, "content-range": range }).end(content.subarray(Number(from), end));
  };
  const hub: LocalHub = { url: "", requests: [], interfere: null };
  const server = createServer((request, response) => {
    hub.requests.push(`${request.method} ${request.url} ${request.headers.range ?? ""}`.trim());
    if (!hub.interfere?.(request, response)) void answer(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return Object.assign(hub, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

/** The same with an empty cache, and an environment in which the client knows no other hub, cache or token until the test ends. */
export async function startHubAndCache(
  repo: string,
  files: Readonly<Record<string, LocalHubFile>>,
): Promise<{ hub: LocalHub; cache: string }> {
  const cache = await temporaryFolder();
  const hub = await startLocalHub(repo, files);
  for (const name of ["HF_TOKEN", "HF_HUB_OFFLINE", "HF_HOME", "HUGGINGFACE_HUB_CACHE"]) vi.stubEnv(name, undefined);
  vi.stubEnv("HF_TOKEN_PATH", join(cache, "no-token"));
  vi.stubEnv("HF_ENDPOINT", hub.url);
  vi.stubEnv("HF_HUB_CACHE", cache);
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  return { hub, cache };
}
