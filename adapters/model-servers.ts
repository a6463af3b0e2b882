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

/** An event of a stream, or an answer in one piece: a completion's last event repeats the prompt. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
/** All events of a stream: some 500,000 tokens. */
const MAX_STREAM_BYTES = 4 * MAX_ANSWER_BYTES;

/**
 * The text of an answer.
 * @param tooLong makes the error for an answer that does not end, from its beginning
 */
export async function answerText({ body }: Response, tooLong: (text: string) => Error): Promise<string> {
  const decoder = new TextDecoder();
  const parts: string[] = [];
  let length = 0;
  for await (const bytes of body ?? []) {
    length += bytes.length;
    parts.push(decoder.decode(bytes, { stream: true }));
    if (length > MAX_ANSWER_BYTES) throw tooLong(parts[0] ?? "");
  }
  return parts.join("") + decoder.decode();
}

/**
 * The data of each server-sent event, up to "[DONE]".
 * @param tooLong makes the error for an event or a stream that does not end
 */
export async function* eventData(
  body: ReadableStream<Uint8Array>,
  tooLong: (text: string) => Error,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  /** Of a line that has not ended: looking through it again with each piece would take ever longer. */
  let begun: string[] = [];
  let [length, total] = [0, 0];
  for await (const bytes of body) {
    total += bytes.length;
    const [first = "", ...others] = decoder.decode(bytes, { stream: true }).split("\n");
    begun.push(first);
    length += first.length;
    if (length > MAX_ANSWER_BYTES || total > MAX_STREAM_BYTES) throw tooLong(begun[0] ?? "");
    if (others.length === 0) continue;
    const last = others.pop() ?? "";
    for (const line of [begun.join(""), ...others]) {
      if (line.startsWith("data:") && line.slice(5).trim() !== "[DONE]") yield line.slice(5).trimStart();
    }
    begun = [last];
    length = last.length;
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
