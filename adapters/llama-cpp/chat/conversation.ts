import type { ChatHistoryItem } from "node-llama-cpp";
import type { ImageInput } from "../../../sdk/index.ts";
import { expected, expectedBut, isObject } from "../../../sdk/kit.ts";
import type { VlmMessage, VlmPart } from "../../vision-language-model.ts";
import { withoutPlaceholders } from "../vision/placeholder.ts";

const ROLES = ["system", "user", "assistant"] as const;
const isRole = (value: unknown): value is VlmMessage["role"] => ROLES.some((role) => role === value);
const isPart = (value: unknown): value is VlmPart => typeof value === "string" || (isObject(value) && "image" in value);

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
  const last = checked.at(-1)?.role;
  if (last !== "user") {
    const received = `one of the ${last}`;
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

function checkedMessage(message: unknown, i: number): { role: VlmMessage["role"]; parts: readonly VlmPart[] } {
  const { role, content } = isObject(message) ? message : {};
  if (!isRole(role)) {
    throw expected("INVALID_ARGUMENT", `one of ${ROLES.join(", ")}`, `the role of message ${i}`, role);
  }
  const given: unknown = typeof content === "string" ? [content] : content;
  if (!Array.isArray(given)) {
    throw expected("INVALID_ARGUMENT", "text, or texts and images", `the content of message ${i}`, content);
  }
  const parts = given.map((part: unknown) => {
    if (!isPart(part)) throw expected("INVALID_ARGUMENT", "text or { image }", `a part of message ${i}`, part);
    if (typeof part !== "string" && role === "assistant") {
      throw expectedBut("INVALID_ARGUMENT", "text", `a part of message ${i}, an answer`, "an image");
    }
    return part;
  });
  return { role, parts };
}
