import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

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
    socket.setTimeout(busyMs);
    request.once("end", () => unanswered.delete(socket));
    response.once("close", () => {
      if (!socket.destroyed) unanswered.add(socket);
    });
  });
}
