import { randomUUID } from "node:crypto";

/** One request and its answer, for a log. */
export interface RequestLog {
  /** What the client sent as X-Request-Id, or one of the server's own; the answer has it in the same header. */
  readonly id: string;
  /** When the request came, in ISO 8601. */
  readonly time: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** To the end of the answer. */
  readonly ms: number;
  /** null where no model answered. */
  readonly model: string | null;
  /** null where nothing was counted. */
  readonly promptTokens: number | null;
  readonly answerTokens: number | null;
  /** What the request asked for and the answer does without. */
  readonly warnings: readonly string[];
}

/** What a route's model has used. */
export interface Usage {
  readonly model: string;
  readonly promptTokens?: number | null;
  readonly answerTokens?: number | null;
}

const MOST_WARNINGS = 20;
const MOST_CHARACTERS = 200;
/** A header's value is bounded by what clients and proxies take. */
const MOST_HEADER_CHARACTERS = 2000;

/** What is noted of a request while it is answered. */
export class RequestRecord {
  readonly id: string;
  readonly #request: Request;
  readonly #time = new Date();
  readonly #started = performance.now();
  readonly #warnings = new Set<string>();
  readonly #onEnd: (log: RequestLog) => void;
  #usage: Usage | null = null;
  #goesOn = false;

  /** @param onEnd called once, at the answer's end */
  constructor(request: Request, onEnd: (log: RequestLog) => void) {
    const sent = request.headers.get("x-request-id") ?? "";
    this.id = /^[\w.:-]{1,100}$/.test(sent) ? sent : `req_${randomUUID()}`;
    this.#request = request;
    this.#onEnd = onEnd;
  }

  /** Notes that the answer does without something that was asked for. */
  warn(warning: string): void {
    if (this.#warnings.size < MOST_WARNINGS) this.#warnings.add(warning.slice(0, MOST_CHARACTERS));
  }

  used(usage: Usage): void {
    this.#usage = usage;
  }

  /** The headers that every answer has. Warnings that come later are in the log alone. */
  headers(): Record<string, string> {
    const warnings = [...this.#warnings].join(" ").replaceAll(/[^ -~]/g, "?");
    return {
      "x-request-id": this.id,
      ...(warnings !== "" && { "x-vqrae-warning": warnings.slice(0, MOST_HEADER_CHARACTERS) }),
    };
  }

  /** The answer is a stream, whose end comes later. */
  goesOn(): void {
    this.#goesOn = true;
  }

  /** The answer has its status. */
  answered(status: number): void {
    if (!this.#goesOn) this.end(status);
  }

  /** The answer's end. */
  end(status: number): void {
    this.#onEnd({
      id: this.id,
      time: this.#time.toISOString(),
      method: this.#request.method,
      path: new URL(this.#request.url).pathname.slice(0, MOST_CHARACTERS),
      status,
      ms: Math.round(performance.now() - this.#started),
      model: this.#usage?.model ?? null,
      promptTokens: this.#usage?.promptTokens ?? null,
      answerTokens: this.#usage?.answerTokens ?? null,
      warnings: [...this.#warnings],
    });
  }
}
