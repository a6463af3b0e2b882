import { createServer, type Server } from "node:http";
import { isIP, type Socket } from "node:net";
import { getRequestListener } from "@hono/node-server";
import * as z from "zod";
import { expectedBut, option, parseOptions } from "../../sdk/kit.ts";
import { answerAndEnd, BoundedRequest, limitConnections, withoutFloods } from "./connections.ts";
import type { Endpoint } from "./endpoint.ts";
import { ApiError } from "./http/api-error.ts";

export interface ListenOptions {
  /** Default 127.0.0.1: this machine alone. */
  readonly host?: string;
  /** Default 8080; 0 takes a free one. */
  readonly port?: number;
  /**
   * Names that clients may call this server by in the Host header, besides IP addresses, localhost and `host`: such as
   * "vlm.example.com" behind a proxy, or a container's name.
   */
  readonly allowedHosts?: readonly string[];
}

export interface Listening {
  /** Such as "http://127.0.0.1:8080". */
  readonly url: string;
  /**
   * Takes no more requests. Those that are being answered have `graceMs` (default 10,000) to end and are aborted then.
   */
  close(options?: { readonly graceMs?: number }): Promise<void>;
}

const schema = z.strictObject({
  host: option.text("an address"),
  port: option.integer(0, 65_535),
  allowedHosts: option.texts("a list of names"),
});

const DEFAULT_PORT = 8080;
const DEFAULT_GRACE_MS = 10_000;
/** Beyond a request's own time, after which a client that reads nothing is cut off. */
const IDLE_MARGIN_MS = 5_000;

/**
 * Serves an endpoint over HTTP.
 * @throws INVALID_ARGUMENT for another option, and where the port is taken or the host is no address of this machine
 */
export async function listen(endpoint: Endpoint, options: ListenOptions = {}): Promise<Listening> {
  const { host = "127.0.0.1", port = DEFAULT_PORT, allowedHosts = [] } = parseOptions(schema, options, "listen");
  const { receiveMs, requestMs, connections, idleMs } = endpoint.limits;
  const names = new Set(["localhost", host, ...allowedHosts].map((name) => name.toLowerCase()));
  const fetch = (request: Request): Promise<Response> | Response => {
    const name = URL.canParse(request.url) ? new URL(request.url).hostname : "";
    return isAllowed(name, names) ? endpoint.fetch(request) : foreignHost(name).toResponse();
  };
  const timeouts = { requestTimeout: receiveMs, headersTimeout: receiveMs, connectionsCheckingInterval: 1000 };
  const server = createServer(
    { ...timeouts, IncomingMessage: BoundedRequest },
    withoutFloods(getRequestListener(fetch)),
  );
  limitConnections(server, { connections, idleMs, busyMs: requestMs + IDLE_MARGIN_MS });
  server.on("clientError", answerBadRequest);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => reject(notListening(host, port, cause)));
    server.listen(port, host, resolve);
  });
  return {
    url: urlOf(server, host),
    close: ({ graceMs = DEFAULT_GRACE_MS } = {}) => close(server, endpoint, graceMs),
  };
}

function urlOf(server: Server, host: string): string {
  const bound = server.address();
  if (bound === null || typeof bound === "string") return `http://${bound ?? host}`;
  const { address, family, port } = bound;
  return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}

async function close(server: Server, endpoint: Endpoint, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const abort = setTimeout(() => endpoint.abort(), graceMs);
  const cut = setTimeout(() => server.closeAllConnections(), graceMs + IDLE_MARGIN_MS);
  await closed;
  clearTimeout(abort);
  clearTimeout(cut);
}

/**
 * A web page elsewhere can point a name of its own to this machine (DNS rebinding), and then its name is in the Host
 * header. An IP address is nobody's name.
 */
const isAllowed = (name: string, names: ReadonlySet<string>): boolean =>
  names.has(name) || isIP(name.replace(/^\[|\]$/g, "")) > 0;

function foreignHost(name: string): ApiError {
  const mend = "Start it with --allow-host and the name, or pass the name as allowedHosts.";
  const received = JSON.stringify(name.slice(0, 80));
  const message = `Expected a name of this server for the Host header but received ${received}. ${mend}`;
  return new ApiError(403, message, { code: "foreign_host" });
}

/** What Node could not read as a request at all. */
function answerBadRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || socket.bytesWritten > 0) return void socket.destroy();
  const [status, reason, message]: readonly [number, string, string] =
    error.code === "ERR_HTTP_REQUEST_TIMEOUT"
      ? [408, "Request Timeout", "Expected the whole request in time but received only a part of it."]
      : error.code === "HPE_HEADER_OVERFLOW"
        ? [431, "Request Header Fields Too Large", "Expected smaller headers."]
        : [400, "Bad Request", "Expected an HTTP request but received something else."];
  answerAndEnd(socket, new ApiError(status, message), reason);
}

function notListening(host: string, port: number, cause: NodeJS.ErrnoException) {
  const taken = cause.code === "EADDRINUSE";
  const received = taken ? "one that another program listens on" : `${cause.code}: ${cause.message}`;
  const mend = taken ? "Choose another with --port, or 0 for any." : "Choose another with --host.";
  return expectedBut("INVALID_ARGUMENT", "a free address", `${host}:${port}`, received, { mend, cause });
}
