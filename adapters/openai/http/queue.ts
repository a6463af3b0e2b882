import { Gate } from "../../../sdk/kit.ts";
import { ApiError } from "./api-error.ts";

/** How much the last request counts in the mean of how long requests took. */
const LAST = 0.2;
const MAX_RETRY_SECONDS = 60;

/** A request's place in a queue. */
export interface Place {
  /** Resolves when it is this one's turn; rejects with the signal's reason. */
  turn(signal: AbortSignal): Promise<void>;
  /** Gives the place back; more than once does no harm. */
  leave(): void;
}

/** Lets `running` requests work at a time and `waiting` more wait, first come first served; others are sent away. */
export class RequestQueue {
  readonly #sizes: { readonly running: number; readonly waiting: number };
  readonly #gate: Gate;
  #inside = 0;
  #running = 0;
  #meanMs = 1000;

  constructor(sizes: { readonly running: number; readonly waiting: number }) {
    this.#sizes = sizes;
    this.#gate = new Gate(sizes.running);
  }

  /** Requests that have their turn. */
  get running(): number {
    return this.#running;
  }

  /** Requests that have none yet. */
  get waiting(): number {
    return this.#inside - this.#running;
  }

  /** @throws ApiError 429 where no place is free */
  requireRoom(): void {
    const { running, waiting } = this.#sizes;
    if (this.#inside >= running + waiting) throw this.#full();
  }

  /** Takes a place. @throws ApiError 429 */
  enter(): Place {
    this.requireRoom();
    this.#inside += 1;
    let endTurn = () => {};
    let left = false;
    return {
      turn: async (signal) => {
        const end = await this.#gate.enter(signal);
        const started = performance.now();
        this.#running += 1;
        endTurn = () => {
          this.#meanMs += LAST * (performance.now() - started - this.#meanMs);
          this.#running -= 1;
          end();
        };
      },
      leave: () => {
        if (left) return;
        left = true;
        this.#inside -= 1;
        endTurn();
      },
    };
  }

  #full(): ApiError {
    const turns = Math.ceil(this.#inside / this.#sizes.running);
    const seconds = Math.min(MAX_RETRY_SECONDS, Math.max(1, Math.ceil((turns * this.#meanMs) / 1000)));
    const message = `Expected at most ${this.#inside} requests at a time but received one more. Send it again in ${seconds} s.`;
    return new ApiError(429, message, { code: "server_busy", headers: { "retry-after": String(seconds) } });
  }
}
