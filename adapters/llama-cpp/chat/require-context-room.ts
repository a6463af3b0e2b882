import { expectedBut } from "../../../sdk/kit.ts";
import type { VlmMessage } from "../../vision-language-model.ts";
import type { AnswerOptions } from "./answer-options.ts";

/**
 * Characters that a token stands for at most, on average over a text. Prose has four or five, and indented code ten. To
 * tokenize a text of megabytes takes seconds, in which this thread does nothing else.
 */
const CHARACTERS_PER_TOKEN = 16;

/**
 * Refuses texts by their length before they are tokenized.
 * @throws CONTEXT_OVERFLOW for a conversation that the context cannot hold; INVALID_ARGUMENT for texts that end an answer and
 *   are longer than any
 */
export function requireContextRoom(
  messages: readonly VlmMessage[],
  { stop = [], tools = [] }: Pick<AnswerOptions, "stop" | "tools">,
  contextSize: number,
): void {
  const most = contextSize * CHARACTERS_PER_TOKEN;
  const calls = Array.isArray(messages) ? messages.flatMap((message) => message?.toolCalls ?? []) : [];
  const length = [...tools, ...calls].reduce((sum, one) => sum + JSON.stringify(one).length, charactersOf(messages));
  if (length > most) {
    const what = `a conversation of at most ${most} characters`;
    const mend = "Leave out earlier messages, or load the model with a larger contextSize.";
    throw expectedBut("CONTEXT_OVERFLOW", what, `a context of ${contextSize} tokens`, `one of ${length}`, mend);
  }
  const stopLength = stop.reduce((sum, text) => sum + text.length, 0);
  if (stopLength <= most) return;
  const what = `texts of at most ${most} characters together`;
  throw expectedBut("INVALID_ARGUMENT", what, "the option stop", `${stopLength} characters`);
}

/** Of all texts; what is no conversation is found later. */
function charactersOf(messages: readonly VlmMessage[]): number {
  let length = 0;
  for (const content of Array.isArray(messages) ? messages.map((message) => message?.content) : []) {
    const parts: readonly unknown[] = Array.isArray(content) ? content : [content];
    for (const part of parts) if (typeof part === "string") length += part.length;
  }
  return length;
}
