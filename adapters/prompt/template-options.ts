import { isObject, option } from "../../sdk/kit.ts";
import type { ChatTemplateKwargs } from "./template/chat-template.ts";

/**
 * What functions take that write prompts.
 * @internal
 */
export const templateOptions = {
  chatTemplate: option.text("a template, or a file that holds one"),
  chatTemplateKwargs: option.custom<ChatTemplateKwargs>("an object of the template's variables", isObject),
} as const;
