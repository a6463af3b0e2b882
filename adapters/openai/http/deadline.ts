import { LinkedAbortController } from "../../../sdk/kit.ts";
import { ApiError } from "./api-error.ts";

export interface Deadline {
  readonly signal: AbortSignal;
  /** The client has gone, or the answer's reader has left. */
  abort(reason?: unknown): void;
  end(): void;
}

/** A signal that aborts with the client's and the server's, and with an ApiError 504 after `ms`. */
export function deadline(signals: readonly AbortSignal[], ms: number): Deadline {
  const controller = new LinkedAbortController(...signals);
  const abort = (reason?: unknown) => controller.abort(reason);
  const timer = setTimeout(() => {
    const message = `Expected an answer within ${ms / 1000} s but it takes longer. Ask for fewer tokens or images.`;
    // Clients of OpenAI's would send it again.
    abort(new ApiError(504, message, { code: "timeout", headers: { "x-should-retry": "false" } }));
  }, ms);
  return {
    signal: controller.signal,
    abort,
    end: () => {
      clearTimeout(timer);
      controller.unlink();
    },
  };
}
