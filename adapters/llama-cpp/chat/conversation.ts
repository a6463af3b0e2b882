import type { ChatHistoryItem } from "node-llama-cpp";
import { checkedMessages } from "../../prompt/index.ts";
import type { TemplateVariables, VlmMessage, VlmPart, VlmTool, VlmToolCall } from "../../vision-language-model.ts";
import { PART_BREAK, withoutPlaceholders } from "../vision/placeholder.ts";

/** What a template wants to know of a message and node-llama-cpp's items have no field for. They go through it as they are. */
export interface ToolFields {
  /** What the text is from. */
  readonly isToolResult?: true;
  readonly toolCalls?: readonly VlmToolCall[];
  /** Of the first item. */
  readonly tools?: readonly VlmTool[];
  readonly kwargs?: TemplateVariables;
}

/**
 * A conversation as node-llama-cpp's history, images and videos as the places that `placeOf` gives them.
 * @param first what the first item has beside its message
 * @throws as `checkedMessages`
 */
export async function chatHistory(
  messages: readonly VlmMessage[],
  first: Pick<ToolFields, "tools" | "kwargs">,
  placeOf: (picture: Exclude<VlmPart, string>) => Promise<string>,
): Promise<ChatHistoryItem[]> {
  const history: (ChatHistoryItem & ToolFields)[] = [];
  // All is checked before anything is encoded.
  for (const { role, parts, toolCalls } of checkedMessages(messages)) {
    const texts: string[] = [];
    for (const [i, part] of parts.entries()) {
      if (typeof part === "string" && typeof parts[i - 1] === "string") texts.push(PART_BREAK);
      texts.push(typeof part === "string" ? withoutPlaceholders(part) : await placeOf(part));
    }
    const text = texts.join("");
    const own: ToolFields = history.length === 0 ? first : {};
    if (role === "assistant")
      history.push({ type: "model", response: [text], ...own, ...(toolCalls && { toolCalls }) });
    else if (role === "tool") history.push({ type: "user", text, ...own, isToolResult: true });
    else history.push({ type: role, text, ...own });
  }
  return history;
}
