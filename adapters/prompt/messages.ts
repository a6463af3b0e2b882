import type { ImageInput } from "../../sdk/index.ts";
import { expected, expectedBut, isObject } from "../../sdk/kit.ts";
import type { VlmMessage, VlmPart } from "../vision-language-model.ts";

const ROLES = ["system", "user", "assistant"] as const;
const isRole = (value: unknown): value is VlmMessage["role"] => ROLES.some((role) => role === value);
const isPart = (value: unknown): value is VlmPart => typeof value === "string" || (isObject(value) && "image" in value);

export interface CheckedMessage {
  readonly role: VlmMessage["role"];
  readonly parts: readonly VlmPart[];
}

/**
 * A conversation that a model can answer.
 * @throws INVALID_ARGUMENT for one that does not end with the user, for another role, and for an image in an answer
 */
export function checkedMessages(messages: readonly VlmMessage[]): CheckedMessage[] {
  if (!Array.isArray(messages) || messages.length === 0) {
    throw expected("INVALID_ARGUMENT", "a list of messages", "the conversation", messages);
  }
  const checked = messages.map(checkedMessage);
  const last = checked.at(-1)?.role;
  if (last === "user") return checked;
  const received = `one of the ${last}`;
  throw expectedBut("INVALID_ARGUMENT", "a message of the user", "the conversation's end", received);
}

function checkedMessage(message: unknown, i: number): CheckedMessage {
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

/** The images of a conversation, in order. */
export const imagesOf = (messages: readonly CheckedMessage[]): ImageInput[] =>
  messages.flatMap(({ parts }) => parts.flatMap((part) => (typeof part === "string" ? [] : [part.image])));
