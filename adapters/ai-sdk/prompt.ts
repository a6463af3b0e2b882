import {
  type LanguageModelV4FilePart,
  type LanguageModelV4Prompt,
  type LanguageModelV4ToolCallPart,
  type SharedV4Warning,
  UnsupportedFunctionalityError,
} from "@ai-sdk/provider";
import { describe, isObject } from "../../sdk/kit.ts";
import type { VlmMessage, VlmPart, VlmToolCall } from "../vision-language-model.ts";

type Message = LanguageModelV4Prompt[number];

/**
 * The AI SDK's prompt as a conversation; what is left out of it is added to `warnings`.
 * @throws UnsupportedFunctionalityError
 */
export function toMessages(prompt: LanguageModelV4Prompt, warnings: SharedV4Warning[]): VlmMessage[] {
  return prompt.flatMap((message): VlmMessage[] => {
    if (message.role === "tool") return message.content.map(toResult);
    if (message.role === "system") return [{ role: "system", content: message.content }];
    const parts: VlmPart[] = [];
    const toolCalls: VlmToolCall[] = [];
    for (const part of message.content) {
      if (part.type === "text") parts.push(part.text);
      else if (part.type === "tool-call") toolCalls.push(toCall(part));
      else if (part.type === "reasoning") {
        warnings.push({ type: "unsupported", feature: "reasoning parts", details: "They are left out of the prompt." });
      } else parts.push(toImage(part, message.role));
    }
    return [{ role: message.role, content: parts, ...(toolCalls.length > 0 && { toolCalls }) }];
  });
}

type Parts<T extends Message["role"]> = Exclude<Extract<Message, { role: T }>["content"], string>[number];
type OtherPart = Exclude<Parts<"user" | "assistant">, { type: "text" | "reasoning" | "tool-call" }>;

function toCall({ toolCallId: id, toolName: name, input }: LanguageModelV4ToolCallPart): VlmToolCall {
  if (isObject(input)) return { id, name, arguments: input };
  throw unsupported(`${describe(input)} as the input of a call`, "it calls tools with objects");
}

/** What a tool gave, as text: others are written as JSON. */
function toResult(part: Parts<"tool">): VlmMessage {
  if (part.type !== "tool-result") throw unsupported(`${part.type} parts`, "it asks for no approval");
  return { role: "tool", content: resultText(part), toolCallId: part.toolCallId };
}

function resultText({ output }: Extract<Parts<"tool">, { type: "tool-result" }>): string | string[] {
  if (output.type === "execution-denied") return output.reason ?? "The call was denied.";
  if (output.type !== "content") return typeof output.value === "string" ? output.value : JSON.stringify(output.value);
  return output.value.map((part) => {
    if (part.type === "text") return part.text;
    throw unsupported(`${part.type} parts in a tool's result`, "it reads texts of tools");
  });
}

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
