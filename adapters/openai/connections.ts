import { IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { ApiError } from "./http/api-error.ts";

export interface ConnectionLimits {
  /** At a time. */
  readonly connections: number;
  /** Milliseconds without a request. */
  readonly idleMs: number;
  /** Milliseconds without a byte while a request is sent or answered. */
  readonly busyMs: number;
}

/**
 * Bounds how many connections a server has and how long one may do nothing. Where there are too many, those go first
 * that no answer is made for: whoever only opens connections, or sends slowly, cannot keep others out.
 */
export function limitConnections(server: Server, { connections, idleMs, busyMs }: ConnectionLimits): void {
  /** The longest without an answer first. */
  const unanswered = new Set<Socket>();
  let open = 0;
  server.timeout = idleMs;
  server.keepAliveTimeout = idleMs;
  server.on("connection", (socket: Socket) => {
    open += 1;
    socket.once("close", () => {
      open -= 1;
      unanswered.delete(socket);
    });
    unanswered.add(socket);
    if (open <= connections) return;
    const [longest = socket] = unanswered;
    longest.destroy();
  });
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    if (socket.destroyed) return;
    socket.setTimeout(busyMs);
    request.once("end", () => unanswered.delete(socket));
    response.once("close", () => {
      if (!socket.destroyed) unanswered.add(socket);
    });
  });
}

/** Clients wait for an answer, or send a few requests ahead. */
const MOST_UNANSWERED = 16;

/**
 * Closes a connection whose client sends many requests before the first is answered: a thousand of them fit into what is read at once,
 * and each is a request to all that comes behind.
 */
export function withoutFloods(answer: RequestListener): RequestListener {
  const unanswered = new WeakMap<Socket, number>();
  return (request, response) => {
    const { socket } = request;
    const count = (unanswered.get(socket) ?? 0) + 1;
    if (count > MOST_UNANSWERED) return void socket.destroy();
    unanswered.set(socket, count);
    response.once("close", () => unanswered.set(socket, (unanswered.get(socket) ?? 1) - 1));
    answer(request, response);
  };
}

/** From so many chunks on they must have so many bytes each on average. */
const MANY_CHUNKS = 1024;
const LEAST_CHUNK_BYTES = 16;

/** A request whose body comes in more than splinters: a chunk of one byte takes hundreds in memory, and as much time as a large one. */
export class BoundedRequest extends IncomingMessage {
  #chunks = 0;
  #bytes = 0;
  #refused = false;

  override push(chunk: unknown, encoding?: BufferEncoding): boolean {
    if (!(chunk instanceof Uint8Array)) return super.push(chunk, encoding);
    this.#chunks += 1;
    this.#bytes += chunk.length;
    if (this.#chunks < MANY_CHUNKS || this.#bytes >= LEAST_CHUNK_BYTES * this.#chunks)
      return super.push(chunk, encoding);
    if (!this.#refused) {
      this.#refused = true;
      const mend = "Send it in larger ones, such as the whole body at once.";
      const message = `Expected chunks of ${LEAST_CHUNK_BYTES} bytes and more for the body but received ${this.#chunks} smaller ones. ${mend}`;
      // Behind an answer that has begun, another would be taken for a part of it.
      if (this.socket.bytesWritten > 0) this.socket.destroy();
      else answerAndEnd(this.socket, new ApiError(400, message, { code: "body_too_complex" }), "Bad Request");
      this.socket.destroySoon();
    }
    return false;
  }
}

/** Answers outside of Node's own responses, and closes the connection. @param reason the status in words */
export function answerAndEnd(socket: Socket, error: ApiError, reason: string): void {
  const body = JSON.stringify(error);
  socket.end(
    `HTTP/1.1 ${error.status} ${reason}\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
