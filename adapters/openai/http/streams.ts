import { type ApiError, toApiError } from "./api-error.ts";
import { anthropicError, ollamaError } from "./error-forms.ts";

/** How a protocol streams objects. */
export interface StreamForm {
  readonly contentType: string;
  event(value: object): string;
  error(error: ApiError): string;
  /** Behind the last event. */
  readonly end: string;
}

const SERVER_SENT = "text/event-stream; charset=utf-8";
const data = (value: object): string => `data: ${JSON.stringify(value)}\n\n`;

/** OpenAI's chat: server-sent events, "[DONE]" after the last. A failure is an event with OpenAI's error object. */
export const chatEvents: StreamForm = {
  contentType: SERVER_SENT,
  event: data,
  error: (error) => data(error),
  end: "data: [DONE]\n\n",
};

const named = (type: string, value: object): string => `event: ${type}\n${data(value)}`;

/** OpenAI's responses and images: server-sent events by their types. A failure is an event "error". */
export const namedEvents: StreamForm = {
  contentType: SERVER_SENT,
  event: (value) => named("type" in value ? String(value.type) : "message", value),
  error(error) {
    const { code, message, param } = error;
    return named("error", { type: "error", sequence_number: 0, code, message, param, ...error.toJSON() });
  },
  end: "",
};

/** Anthropic's: server-sent events by their types. A failure is an event "error" with Anthropic's error object. */
export const typedEvents: StreamForm = {
  ...namedEvents,
  error: (error) => named("error", anthropicError(error)),
};

/** Ollama's: a line of JSON for each object. */
export const jsonLines: StreamForm = {
  contentType: "application/x-ndjson",
  event: (value) => `${JSON.stringify(value)}\n`,
  error: (error) => `${JSON.stringify(ollamaError(error))}\n`,
  end: "",
};

/**
 * A response of what a generator yields, which no proxy is to collect. A failure is its last event.
 * @param onEnd called once, when the events have ended or their reader has left (then with `left`)
 */
export function streamOf(
  events: AsyncGenerator<object>,
  form: StreamForm,
  { onError, onEnd }: { onError(error: unknown): void; onEnd(left: boolean): void },
): Response {
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await events.next();
          if (!done) return controller.enqueue(encoder.encode(form.event(value)));
          if (form.end !== "") controller.enqueue(encoder.encode(form.end));
        } catch (error) {
          onError(error);
          controller.enqueue(encoder.encode(form.error(toApiError(error))));
        }
        controller.close();
        onEnd(false);
      },
      async cancel() {
        onEnd(true);
        await events.return(undefined).catch(() => {});
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, {
    headers: { "content-type": form.contentType, "cache-control": "no-cache", "x-accel-buffering": "no" },
  });
}
