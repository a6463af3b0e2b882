import { ApiError } from "./api-error.ts";

/** Of how long requests took, the share that the last one has. */
const LAST = 0.2;
const MAX_RETRY_SECONDS = 60;

/** A request's place in a queue. */
export interface Place {
  /** Resolves when it is this one's turn; rejects with the signal's reason. */
  turn(signal: AbortSignal): Promise<void>;
  /** Gives the place back; more than once does no harm. */
  leave(): void;
}

interface Waiting {
  readonly go: () => void;
}

/** Lets `running` requests work at a time and `waiting` more wait, first come first served; others are sent away. */
export class RequestQueue {
  readonly #sizes: { readonly running: number; readonly waiting: number };
  readonly #line: Waiting[] = [];
  #inside = 0;
  #running = 0;
  #meanMs = 1000;

  constructor(sizes: { readonly running: number; readonly waiting: number }) {
    this.#sizes = sizes;
  }

  /** Takes a place, before the request's body is read. @throws ApiError 429 */
  enter(): Place {
    const { running, waiting } = this.#sizes;
    if (this.#inside >= running + waiting) throw this.#full();
    this.#inside += 1;
    let started: number | null = null;
    let left = false;
    return {
      turn: async (signal) => {
        signal.throwIfAborted();
        if (this.#running < running) this.#running += 1;
        else await this.#wait(signal);
        started = performance.now();
      },
      leave: () => {
        if (left) return;
        left = true;
        this.#inside -= 1;
        if (started === null) return;
        this.#meanMs += LAST * (performance.now() - started - this.#meanMs);
        // The turn is handed to the next in line, so that a newcomer cannot overtake it.
        const next = this.#line.shift();
        if (next === undefined) this.#running -= 1;
        else next.go();
      },
    };
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#line.splice(this.#line.indexOf(waiting), 1);
        reject(signal.reason);
      };
      const waiting: Waiting = {
        go: () => {
          signal.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      this.#line.push(waiting);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  #full(): ApiError {
    const turns = Math.ceil(this.#inside / this.#sizes.running);
    const seconds = Math.min(MAX_RETRY_SECONDS, Math.max(1, Math.ceil((turns * this.#meanMs) / 1000)));
    const message = `Expected at most ${this.#inside} requests at a time but received one more. Send it again in ${seconds} s.`;
    return new ApiError(429, message, { code: "server_busy", headers: { "retry-after": String(seconds) } });
  }
}
