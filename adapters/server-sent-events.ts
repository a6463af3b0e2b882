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
  const text = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>);
  let rest = "";
  for await (const piece of text) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop()!;
    if (rest.length > MAX_EVENT_CHARACTERS) throw tooLong(rest);
    for (const line of lines) {
      if (line.startsWith("data:") && line.slice(5).trim() !== "[DONE]") yield line.slice(5).trimStart();
    }
  }
}
