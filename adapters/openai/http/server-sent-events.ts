import { toApiError } from "./api-error.ts";

/**
 * A response of server-sent events, as OpenAI streams: one for each object, "[DONE]" after the last. A failure is an
 * event with OpenAI's error object.
 * @param onEnd called once, when the events have ended or their reader has left (then with `left`)
 */
export function serverSentEvents(
  events: AsyncGenerator<object>,
  { onError, onEnd }: { onError(error: unknown): void; onEnd(left: boolean): void },
): Response {
  const encoder = new TextEncoder();
  const event = (text: string) => encoder.encode(`data: ${text}\n\n`);
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await events.next();
          if (!done) return controller.enqueue(event(JSON.stringify(value)));
          controller.enqueue(event("[DONE]"));
        } catch (error) {
          onError(error);
          controller.enqueue(event(JSON.stringify(toApiError(error))));
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
  const headers = { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" };
  return new Response(body, { headers });
}
