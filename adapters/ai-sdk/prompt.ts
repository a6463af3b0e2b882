import {
  type LanguageModelV4FilePart,
  type LanguageModelV4Prompt,
  type SharedV4Warning,
  UnsupportedFunctionalityError,
} from "@ai-sdk/provider";
import type { VlmMessage, VlmPart } from "../vision-language-model.ts";

type Message = LanguageModelV4Prompt[number];

/**
 * The AI SDK's prompt as a conversation; what is left out of it is added to `warnings`.
 * @throws UnsupportedFunctionalityError
 */
export function toMessages(prompt: LanguageModelV4Prompt, warnings: SharedV4Warning[]): VlmMessage[] {
  return prompt.map((message) => {
    if (message.role === "tool") throw unsupported("tool messages", "it calls no tools");
    if (message.role === "system") return { role: "system", content: message.content };
    const parts: VlmPart[] = [];
    for (const part of message.content) {
      if (part.type === "text") parts.push(part.text);
      else if (part.type === "reasoning") {
        warnings.push({ type: "unsupported", feature: "reasoning parts", details: "They are left out of the prompt." });
      } else parts.push(toImage(part, message.role));
    }
    return { role: message.role, content: parts };
  });
}

type OtherPart = Exclude<Exclude<Message, { role: "system" }>["content"][number], { type: "text" | "reasoning" }>;

/** @throws UnsupportedFunctionalityError for what is no image */
export function toImage(part: OtherPart, role: Message["role"]): VlmPart {
  if (part.type !== "file") throw unsupported(`${part.type} parts`, "it reads text and images");
  if (role === "assistant") throw unsupported("files in an assistant's message", "it answers in text");
  if (!/^image(\/|$)/i.test(part.mediaType)) {
    throw unsupported(`files of the media type ${part.mediaType}`, "it reads image/*");
  }
  return { image: imageBytes(part) };
}

/** Remote files never come here: the SDK has fetched them, since `supportedUrls` names none. */
function imageBytes({ data }: LanguageModelV4FilePart): Uint8Array | string {
  if (data.type === "data") return typeof data.data === "string" ? Buffer.from(data.data, "base64") : data.data;
  if (data.type === "url" && data.url.protocol === "data:") return data.url.href;
  throw unsupported(`a file given as ${data.type}`, "give its bytes, base64 or a data: URL");
}

function unsupported(functionality: string, why: string): UnsupportedFunctionalityError {
  const message = `Expected text and images for the prompt but received ${functionality}: ${why}.`;
  return new UnsupportedFunctionalityError({ functionality, message });
}
