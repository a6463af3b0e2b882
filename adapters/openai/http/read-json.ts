import { ApiError } from "./api-error.ts";

/** Bytes of request bodies that are held at a time, over all requests. */
export class BodyBudget {
  readonly #most: number;
  #used = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** @throws ApiError 429 */
  reserve(bytes: number): void {
    if (this.#used + bytes > this.#most) {
      const message = "Expected fewer large requests at a time but received more than the server keeps. Send it again.";
      throw new ApiError(429, message, { code: "server_busy", headers: { "retry-after": "1" } });
    }
    this.#used += bytes;
  }

  release(bytes: number): void {
    this.#used -= bytes;
  }
}

/** Of one request: what `budget` is given back at its end. */
export interface HeldBody {
  readonly json: unknown;
  release(): void;
}

/**
 * Reads a JSON body of at most `most` bytes.
 * @throws ApiError 400 for what is no JSON, 413, 415, 429
 */
export async function readJson(request: Request, most: number, budget: BodyBudget): Promise<HeldBody> {
  const type = request.headers.get("content-type") ?? "none";
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    throw new ApiError(415, `Expected application/json for the content type but received ${type.slice(0, 80)}.`);
  }
  const announced = Number(request.headers.get("content-length") ?? 0);
  if (announced > most) throw tooLarge(most);
  let held = 0;
  const release = () => budget.release(held);
  try {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request.body ?? []) {
      if (held + chunk.byteLength > most) throw tooLarge(most);
      budget.reserve(chunk.byteLength);
      held += chunk.byteLength;
      chunks.push(chunk);
    }
    return { json: parse(Buffer.concat(chunks)), release };
  } catch (error) {
    release();
    throw error;
  }
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.slice(0, 200) : "";
    throw new ApiError(400, `Expected JSON for the body but received something else: ${why}.`, {
      code: "invalid_json",
      cause,
    });
  }
}

function tooLarge(most: number): ApiError {
  const message = `Expected a body of at most ${most} bytes but received a larger one. Send fewer or smaller images.`;
  return new ApiError(413, message, { code: "body_too_large", headers: { connection: "close" } });
}
