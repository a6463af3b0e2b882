import type { Embedder, EmbedOptions, ImageEmbeddings, ImageInput } from "../../sdk/index.ts";
import { expected, expectedBut, isObject } from "../../sdk/kit.ts";
import type { VlmMessage, VlmPart, VlmToolCall } from "../vision-language-model.ts";

const ROLES = ["system", "user", "assistant", "tool"] as const;
const isRole = (value: unknown): value is VlmMessage["role"] => ROLES.some((role) => role === value);
const isPart = (value: unknown): value is VlmPart =>
  typeof value === "string" || (isObject(value) && ("image" in value || "video" in value));

/** What gives the embeddings of images and videos: any `Embedder`, such as what `VQRAE.load` gives with a projector. */
export interface ImageEmbedder extends Pick<Embedder, "embedVideo"> {
  embed(image: ImageInput, options?: EmbedOptions): Promise<ImageEmbeddings>;
}

export interface CheckedMessage {
  readonly role: VlmMessage["role"];
  readonly parts: readonly VlmPart[];
  readonly toolCalls?: readonly VlmToolCall[];
  readonly toolCallId?: string;
}

/**
 * A conversation that a model can answer, what tools gave in the order of their calls.
 * @throws INVALID_ARGUMENT for one that does not end with the user, for another role, and for an image in an answer
 */
export function checkedMessages(messages: readonly VlmMessage[]): CheckedMessage[] {
  if (!Array.isArray(messages) || messages.length === 0) {
    throw expected("INVALID_ARGUMENT", "a list of messages", "the conversation", messages);
  }
  const checked = messages.map(checkedMessage);
  const last = checked.at(-1)?.role;
  if (last === "user" || last === "tool") return inCallOrder(checked);
  const received = `one of the ${last}`;
  throw expectedBut("INVALID_ARGUMENT", "a message of the user or of a tool", "the conversation's end", received);
}

function checkedMessage(message: unknown, i: number): CheckedMessage {
  const { role, content, toolCalls, toolCallId } = isObject(message) ? message : {};
  if (!isRole(role)) {
    throw expected("INVALID_ARGUMENT", `one of ${ROLES.join(", ")}`, `the role of message ${i}`, role);
  }
  const given: unknown = typeof content === "string" ? [content] : content;
  if (!Array.isArray(given)) {
    throw expected("INVALID_ARGUMENT", "text, or texts and images", `the content of message ${i}`, content);
  }
  const parts = given.map((part: unknown) => {
    if (!isPart(part))
      throw expected("INVALID_ARGUMENT", "text, { image } or { video }", `a part of message ${i}`, part);
    if (typeof part !== "string" && (role === "assistant" || role === "tool")) {
      const what = role === "tool" ? "what a tool gave" : "an answer";
      throw expectedBut("INVALID_ARGUMENT", "text", `a part of message ${i}, ${what}`, "a picture");
    }
    return part;
  });
  if (typeof toolCallId === "string") return { role, parts, toolCallId };
  if (toolCalls === undefined) return { role, parts };
  if (role !== "assistant" || !Array.isArray(toolCalls) || !toolCalls.every(isToolCall)) {
    throw expected("INVALID_ARGUMENT", "calls of the assistant's", `toolCalls of message ${i}`, toolCalls);
  }
  return { role, parts, toolCalls };
}

/** By the ids, which templates do not write. Results without, and of no call before them, stay where they are. */
function inCallOrder(messages: readonly CheckedMessage[]): CheckedMessage[] {
  const ordered = [...messages];
  for (const [i, { toolCalls = [] }] of messages.entries()) {
    const ids = toolCalls.map(({ id }) => id);
    let end = i + 1;
    while (messages[end]?.role === "tool") end++;
    const results = messages.slice(i + 1, end);
    const placeOf = ({ toolCallId: id }: CheckedMessage) => (id === undefined ? -1 : ids.indexOf(id));
    if (results.some((result) => placeOf(result) < 0)) continue;
    ordered.splice(i + 1, results.length, ...results.sort((a, b) => placeOf(a) - placeOf(b)));
  }
  return ordered;
}

const isToolCall = (value: unknown): value is VlmToolCall =>
  isObject(value) && typeof value.name === "string" && isObject(value.arguments);

/** The images and videos of a conversation, in order. */
export const picturesOf = (messages: readonly CheckedMessage[]): Exclude<VlmPart, string>[] =>
  messages.flatMap(({ parts }) => parts.filter((part) => typeof part !== "string"));

/**
 * The embeddings of an image or of a video.
 * @throws UNSUPPORTED for a video where the tokenizer takes none; as `Embedder.embed` and `Embedder.embedVideo`
 */
export async function embedPicture(
  tokenizer: ImageEmbedder,
  picture: Exclude<VlmPart, string>,
  options: EmbedOptions,
): Promise<ImageEmbeddings> {
  if (!("video" in picture)) return tokenizer.embed(picture.image, options);
  if (tokenizer.embedVideo) return tokenizer.embedVideo(picture.video, options);
  const mend = "Give its frames as images.";
  throw expectedBut("UNSUPPORTED", "a tokenizer that takes videos", "a video", "one that does not", mend);
}
