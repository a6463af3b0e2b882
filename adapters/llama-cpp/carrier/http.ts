import { VqraeError } from "../../../sdk/index.ts";
import { expected, expectedBut, isObject, option, parseJson } from "../../../sdk/kit.ts";
import {
  API_URL,
  answerText,
  apiUrl,
  eventData,
  isRefusal,
  pathOf,
  reasonOf,
  refusalOf,
  shownUrl,
} from "../../model-servers.ts";

export interface HttpOptions {
  /** For a server that was started with `--api-key`. */
  readonly apiKey?: string | undefined;
  /** Used instead of the global `fetch`, for example for a proxy. */
  readonly fetch?: typeof fetch | undefined;
}

export const httpOptions = {
  apiKey: option.custom<string>("a text", (value) => typeof value === "string"),
  fetch: option.callback<typeof fetch>(),
} as const;

type Json = Readonly<Record<string, unknown>>;

/** Talks JSON to a llama-server. */
export class HttpClient {
  readonly #url: URL;
  readonly #options: HttpOptions;
  readonly #command: string;

  /** @param command what starts the server, for the error where none answers */
  constructor(url: string | URL, options: HttpOptions, command: string) {
    const parsed = apiUrl(url);
    if (parsed === null) throw expected("INVALID_ARGUMENT", API_URL, "the server", String(url));
    this.#url = parsed;
    this.#options = options;
    this.#command = command;
  }

  async get(path: string, signal: AbortSignal | undefined): Promise<Json> {
    return this.#json(path, await this.#request("GET", path, undefined, signal));
  }

  async post(path: string, body: Json, signal: AbortSignal | undefined): Promise<Json> {
    return this.#json(path, await this.#request("POST", path, body, signal));
  }

  /** The data of each server-sent event. */
  async *stream(path: string, body: Json, signal: AbortSignal): AsyncGenerator<Json> {
    const response = await this.#request("POST", path, body, signal);
    if (!response.body) return;
    try {
      const tooLong = (text: string) => this.#wrong(path, "a shorter event", text);
      for await (const data of eventData(response.body, tooLong)) yield this.#parse(path, data);
    } catch (error) {
      if (VqraeError.isInstance(error) || signal.aborted) throw error;
      throw expectedBut("SERVER_ERROR", "the rest of the answer", this.#address(path), reasonOf(error), {
        cause: error,
      });
    }
  }

  async #request(method: string, path: string, body: Json | undefined, signal: AbortSignal | undefined) {
    const { apiKey, fetch: send = fetch } = this.#options;
    const headers = {
      ...(body ? { "content-type": "application/json" } : {}),
      ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
    };
    let response: Response;
    try {
      response = await send(pathOf(this.#url, path), {
        method,
        headers,
        ...(body ? { body: JSON.stringify(body) } : {}),
        ...(signal ? { signal } : {}),
      });
    } catch (cause) {
      if (signal?.aborted) throw cause;
      if (isTooLate(cause)) {
        const late = "Take it piece by piece, with `stream` or `streamChat`.";
        throw expectedBut("SERVER_ERROR", "an answer within five minutes", this.#address(path), "none", late);
      }
      const mend = `Start it: \`${this.#command}\`.`;
      throw expectedBut("SERVER_UNREACHABLE", "a llama-server", shownUrl(this.#url), reasonOf(cause), { mend, cause });
    }
    if (response.ok) return response;
    const text = await this.#text(path, response);
    throw this.#refused(path, response.status, parseJson(text), text);
  }

  async #json(path: string, response: Response): Promise<Json> {
    return this.#parse(path, await this.#text(path, response));
  }

  #text(path: string, response: Response): Promise<string> {
    return answerText(response, (text) => this.#wrong(path, "a shorter answer", text));
  }

  #parse(path: string, text: string): Json {
    const value = parseJson(text);
    if (isObject(value) && isRefusal(value)) throw this.#refused(path, codeOf(value.error), value, text);
    if (isObject(value)) return value;
    throw this.#wrong(path, "a JSON object", text);
  }

  #wrong(path: string, what: string, text: string): VqraeError {
    const mend = "Is it a llama-server that listens there?";
    return expected("SERVER_ERROR", what, `the answer of ${this.#address(path)}`, text, mend);
  }

  #refused(path: string, status: number | string, answer: unknown, text: string): VqraeError {
    const { message, type, isContextOverflow } = refusalOf(answer, text);
    const mend = mends.find(({ when }) => when.test(`${status} ${type} ${message}`))?.mend;
    const code = isContextOverflow ? "CONTEXT_OVERFLOW" : "SERVER_ERROR";
    return expectedBut(code, "an answer", this.#address(path), `${status}: ${message}`, mend);
  }

  #address(path: string): string {
    return shownUrl(pathOf(this.#url, path));
  }
}

/** What an error in an event has in place of a status. */
const codeOf = (error: unknown): string => (isObject(error) && error.code ? String(error.code) : "an error");
/** Node's fetch gives up where an answer's headers do not come in time. llama-server sends them with a whole answer. */
const isTooLate = (error: unknown): boolean =>
  error instanceof Error && isObject(error.cause) && error.cause.code === "UND_ERR_HEADERS_TIMEOUT";

/** What to do about an error of llama-server's, by its status, type and message. */
const mends = [
  { when: /authentication_error/, mend: "Pass the key that the server was started with as `apiKey`." },
  { when: /unavailable_error/, mend: "The model is still loading: wait until GET /health answers 200." },
  { when: /exceed_context_size_error/, mend: "Start the server with a larger --ctx-size, or use fewer images." },
  { when: /multimodal|mmproj/, mend: "Start the server with --mmproj and the model's own file, or a carrier's." },
  { when: /^404/, mend: "Is it a llama-server that listens there? Update an old one." },
];
