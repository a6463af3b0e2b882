import type { ChatHistoryItem } from "node-llama-cpp";
import type { ImageInput } from "../../../sdk/index.ts";
import { expected, expectedBut } from "../../../sdk/kit.ts";
import type { VlmMessage, VlmPart } from "../../vision-language-model.ts";
import { withoutPlaceholders } from "../vision/placeholder.ts";

const ROLES = ["system", "user", "assistant"];

/**
 * A conversation as node-llama-cpp's history, images as the places that `placeOf` gives them.
 * @throws INVALID_ARGUMENT for one that does not end with the user, for another role, and for an image in an answer
 */
export async function chatHistory(
  messages: readonly VlmMessage[],
  placeOf: (image: ImageInput) => Promise<string>,
): Promise<ChatHistoryItem[]> {
  if (!Array.isArray(messages) || messages.length === 0) {
    throw expected("INVALID_ARGUMENT", "a list of messages", "the conversation", messages);
  }
  // All is checked before anything is encoded.
  const checked = messages.map(checkedMessage);
  if (checked.at(-1)!.role !== "user") {
    const received = `one of the ${checked.at(-1)!.role}`;
    throw expectedBut("INVALID_ARGUMENT", "a message of the user", "the conversation's end", received);
  }
  const history: ChatHistoryItem[] = [];
  for (const { role, parts } of checked) {
    const texts: string[] = [];
    for (const part of parts) {
      texts.push(typeof part === "string" ? withoutPlaceholders(part) : await placeOf(part.image));
    }
    const text = texts.join("");
    if (role === "assistant") history.push({ type: "model", response: [text] });
    else history.push({ type: role, text });
  }
  return history;
}

function checkedMessage(message: VlmMessage, i: number): { role: VlmMessage["role"]; parts: readonly VlmPart[] } {
  const { role, content } = message ?? {};
  if (!ROLES.includes(role)) {
    throw expected("INVALID_ARGUMENT", `one of ${ROLES.join(", ")}`, `the role of message ${i}`, role);
  }
  const parts: readonly VlmPart[] = typeof content === "string" ? [content] : content;
  if (!Array.isArray(parts)) {
    throw expected("INVALID_ARGUMENT", "text, or texts and images", `the content of message ${i}`, content);
  }
  for (const part of parts as readonly unknown[]) {
    const isImage = typeof part === "object" && part !== null && "image" in part;
    if (typeof part !== "string" && !isImage) {
      throw expected("INVALID_ARGUMENT", "text or { image }", `a part of message ${i}`, part);
    }
    if (isImage && role === "assistant") {
      throw expectedBut("INVALID_ARGUMENT", "text", `a part of message ${i}, an answer`, "an image");
    }
  }
  return { role, parts };
}
