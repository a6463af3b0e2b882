import { setTimeout as sleep } from "node:timers/promises";
import type { VqraeError } from "../../sdk/index.ts";
import { expectedBut, LinkedAbortController, parseJson } from "../../sdk/kit.ts";
import { answerText, reasonOf, refusalOf, shownUrl } from "../model-servers.ts";
import type { Json } from "./request.ts";

export interface SendOptions {
  readonly apiKey?: string | undefined;
  /** Used instead of the global `fetch`, for example for a proxy. */
  readonly fetch?: typeof fetch | undefined;
  /** Added to each request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** How long an answer, or its next piece, may take, in milliseconds (default two minutes). */
  readonly timeoutMs?: number | undefined;
  /** How often a request is sent again after 429, 5xx or no answer (default 5). */
  readonly retries?: number | undefined;
  /** Before the first retry, in milliseconds; doubled each time, at most half a minute (default 500). */
  readonly retryDelayMs?: number | undefined;
}

const MAX_DELAY_MS = 30_000;
const MAX_RETRY_AFTER_MS = 5 * 60_000;

/**
 * Sends a request until it is answered. It waits longer each time, or as long as the server says.
 * @returns the open response and its deadline, to be moved on with each piece
 * @throws SERVER_UNREACHABLE, SERVER_ERROR; the signal's reason
 */
export async function send(
  url: URL,
  body: Json,
  options: SendOptions,
  signal: AbortSignal | undefined,
): Promise<Answered> {
  const { retries = 5, retryDelayMs = 500 } = options;
  for (let attempt = 0; ; attempt++) {
    const answer = await once(url, body, options, signal);
    if (!("failure" in answer)) return answer;
    const { failure, retryAfterMs } = answer;
    if (attempt === retries || retryAfterMs === null) throw failure;
    const backoff = Math.min(retryDelayMs * 2 ** attempt, MAX_DELAY_MS) * (0.75 + Math.random() / 2);
    await sleep(Math.min(retryAfterMs ?? backoff, MAX_RETRY_AFTER_MS), undefined, signal ? { signal } : {}).catch(() =>
      signal?.throwIfAborted(),
    );
  }
}

/** A time that moves on with each sign of life; past it the request is aborted, and with the signal that is given. */
class Deadline {
  readonly #controller: LinkedAbortController;
  readonly #timeoutMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(timeoutMs: number, signal: AbortSignal | undefined) {
    this.#controller = new LinkedAbortController(signal);
    this.#timeoutMs = timeoutMs;
    this.moveOn();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  moveOn(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => this.#controller.abort(new Error(`nothing for ${this.#timeoutMs} ms`)),
      this.#timeoutMs,
    );
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#controller.unlink();
  }
}

interface Answered {
  readonly response: Response;
  readonly deadline: Deadline;
}

interface Failed {
  readonly failure: VqraeError;
  /** undefined: after a delay of our own; null: never. */
  readonly retryAfterMs: number | null | undefined;
}

async function once(
  url: URL,
  body: Json,
  options: SendOptions,
  signal: AbortSignal | undefined,
): Promise<Answered | Failed> {
  const { apiKey, headers, fetch: request = fetch, timeoutMs = 120_000 } = options;
  const deadline = new Deadline(timeoutMs, signal);
  try {
    const response = await request(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
        ...headers,
      },
      body: JSON.stringify(body),
      signal: deadline.signal,
    });
    if (response.ok) return { response, deadline };
    const text = await answerText(response, () => new Error(`status ${response.status} with an answer without end`));
    const failure = refused(url, parseJson(text), text, response.status);
    deadline.end();
    const again = response.status === 429 || response.status >= 500;
    return { failure, retryAfterMs: again ? retryAfter(response.headers.get("retry-after")) : null };
  } catch (cause) {
    deadline.end();
    signal?.throwIfAborted();
    return { failure: unreachable(url, cause), retryAfterMs: undefined };
  }
}

/** Seconds, or a date. */
function retryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

/** An answer with an error in it. @param text the message where the answer has none */
export function refused(url: URL, answer: unknown, text: string, status?: number): VqraeError {
  const { message, isContextOverflow } = refusalOf(answer, text);
  const received = status === undefined ? message : `${status}: ${message}`;
  if (isContextOverflow) {
    const mend = "Leave out earlier messages, or send fewer or smaller images.";
    return expectedBut(
      "CONTEXT_OVERFLOW",
      "a conversation that the model's context holds",
      shownUrl(url),
      received,
      mend,
    );
  }
  if (message.includes("--enable-mm-embeds")) {
    const mend =
      "Start it so: vllm serve MODEL --enable-mm-embeds. Only for clients that you trust: vLLM checks no shapes.";
    return expectedBut("UNSUPPORTED", "a vLLM server that takes embeddings", url.href, received, mend);
  }
  const mend = status === 401 || status === 403 ? "Pass the endpoint's key as apiKey." : undefined;
  return expectedBut("SERVER_ERROR", "an answer", shownUrl(url), received, mend);
}

export const unreachable = (url: URL, cause: unknown): VqraeError =>
  expectedBut("SERVER_UNREACHABLE", "an answer", shownUrl(url), reasonOf(cause), { cause });
