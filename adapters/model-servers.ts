import { isObject } from "../sdk/kit.ts";

// How servers of language models are reached, and what they answer: OpenAI's, llama-server's, vLLM's.

/** What `apiUrl` takes. `fetch` refuses a URL with a password, and no server sees a fragment. */
export const API_URL = "an http or https URL without a password or a fragment";

/** The address that paths of an API are relative to; null for what is none. */
export function apiUrl(address: unknown): URL | null {
  const text = String(address);
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:") return null;
  if (url.username !== "" || url.password !== "" || url.hash !== "") return null;
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}

/** The address of a path below `base`, with the query of `base`: Azure's deployments have their version there. */
export function pathOf(base: URL, path: string): URL {
  const url = new URL(path, base);
  url.search = base.search;
  return url;
}

/** An address as messages show it: its query may hold a key. */
export const shownUrl = ({ origin, pathname }: URL): string => `${origin}${pathname}`;

/** An event of a stream: a completion's last one repeats the prompt. */
const MAX_EVENT_CHARACTERS = 64 * 1024 * 1024;

/**
 * The data of each server-sent event, up to "[DONE]".
 * @param tooLong makes the error for an event that does not end
 */
export async function* eventData(
  body: ReadableStream<Uint8Array>,
  tooLong: (text: string) => Error,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of body) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > MAX_EVENT_CHARACTERS) throw tooLong(rest);
    for (const line of lines) {
      if (line.startsWith("data:") && line.slice(5).trim() !== "[DONE]") yield line.slice(5).trimStart();
    }
  }
}

/** An answer with an error in it. */
export interface Refusal {
  readonly message: string;
  /** What kind of error it is, such as "authentication_error"; "" where the server does not say. */
  readonly type: string;
  /** Whether the prompt is longer than the model's context. */
  readonly isContextOverflow: boolean;
}

/** OpenAI's `code` and llama-server's `type` for a prompt that is too long. */
const CONTEXT_OVERFLOW = ["context_length_exceeded", "exceed_context_size_error"];
/** vLLM and SGLang have no code for it. */
const TOO_LONG = /maximum context length|longer than the model's context length/;

/** Whether an answer is an error in spite of its status: some servers send 200 with it. */
export const isRefusal = (answer: Readonly<Record<string, unknown>>): boolean =>
  (answer.error !== undefined && answer.error !== null && answer.error !== false) || answer.object === "error";

/** @param text the message where the answer has none */
export function refusalOf(answer: unknown, text: string): Refusal {
  // SGLang's errors, and those of vLLM before 0.10, are the answer itself. Some servers have a text alone.
  const outer = isObject(answer) ? answer : {};
  const inner = typeof outer.error === "string" ? { message: outer.error } : outer.error;
  const error = isObject(inner) ? inner : outer;
  const { type, code } = error;
  const message = (typeof error.message === "string" ? error.message : text).slice(0, 500);
  const named = [code, type].some((name) => typeof name === "string" && CONTEXT_OVERFLOW.includes(name));
  return {
    message,
    type: typeof type === "string" ? type : "",
    isContextOverflow: named || TOO_LONG.test(message),
  };
}

/** Why `fetch` failed: it hides the reason, such as a refused connection, in its error's cause. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, cause } = error;
  if (!(cause instanceof Error)) return message;
  return cause.message || ("code" in cause ? String(cause.code) : message);
}
