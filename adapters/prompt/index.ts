/**
 * The public face of `vqrae/prompt`: conversations as ids and embeddings, by a model's own template and tokenizer.
 *
 * @module vqrae/prompt
 */

export type { VlmMessage, VlmPart, VlmTool, VlmToolCall } from "../vision-language-model.ts";
export {
  type BuildPromptOptions,
  type BuiltPrompt,
  buildPrompt,
  type PromptEmbeddings,
  type PromptImagePlace,
  type PromptSegment,
  type WritePromptOptions,
  writePrompt,
} from "./build-prompt.ts";
export { readHfVocabulary } from "./hf-vocabulary.ts";
export { type CheckedMessage, checkedMessages, embedPicture, type ImageEmbedder } from "./messages.ts";
export { PromptWriter } from "./prompt-writer.ts";
export {
  ChatTemplate,
  type ChatTemplateKwargs,
  type ChatTemplateOptions,
  type RenderedPrompt,
  type TemplateMessage,
  type TemplateText,
} from "./template/chat-template.ts";
export { findTemplate, type TemplatePlaces } from "./template/find-template.ts";
export type { ToolForm } from "./template/tool-form.ts";
export { templateOptions } from "./template-options.ts";
export { AnswerText, type ThoughtTags } from "./thoughts.ts";
export type { Vocabulary } from "./vocabulary.ts";
