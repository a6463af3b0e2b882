import type { ChatHistoryItem } from "node-llama-cpp";
import { checkedMessages } from "../../prompt/index.ts";
import type { VlmMessage, VlmPart } from "../../vision-language-model.ts";
import { PART_BREAK, withoutPlaceholders } from "../vision/placeholder.ts";

/**
 * A conversation as node-llama-cpp's history, images and videos as the places that `placeOf` gives them.
 * @throws as `checkedMessages`
 */
export async function chatHistory(
  messages: readonly VlmMessage[],
  placeOf: (picture: Exclude<VlmPart, string>) => Promise<string>,
): Promise<ChatHistoryItem[]> {
  const history: ChatHistoryItem[] = [];
  // All is checked before anything is encoded.
  for (const { role, parts } of checkedMessages(messages)) {
    const texts: string[] = [];
    for (const [i, part] of parts.entries()) {
      if (typeof part === "string" && typeof parts[i - 1] === "string") texts.push(PART_BREAK);
      texts.push(typeof part === "string" ? withoutPlaceholders(part) : await placeOf(part));
    }
    const text = texts.join("");
    if (role === "assistant") history.push({ type: "model", response: [text] });
    else history.push({ type: role, text });
  }
  return history;
}
