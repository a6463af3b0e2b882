import { ApiError } from "../http/api-error.ts";

/** Bytes that clients sent or had fetched, over all requests: how many are held at a time. */
export class HeldBytes {
  readonly #most: number;
  #used = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** By all requests together. */
  get used(): number {
    return this.#used;
  }

  /** What one request holds. */
  open(): RequestBytes {
    let held = 0;
    return {
      hold: (bytes) => {
        if (this.#used + bytes > this.#most) {
          const message =
            "Expected fewer large requests at a time but received more than the server keeps. Send it again.";
          throw new ApiError(429, message, { code: "server_busy", headers: { "retry-after": "1" } });
        }
        this.#used += bytes;
        held += bytes;
      },
      release: () => {
        this.#used -= held;
        held = 0;
      },
    };
  }
}

export interface RequestBytes {
  /** @throws ApiError 429 where all requests together would hold too many */
  hold(bytes: number): void;
  /** At the request's end; more than once does no harm. */
  release(): void;
}
