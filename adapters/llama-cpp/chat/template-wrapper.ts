import type { ChatHistoryItem, ChatWrapper, LlamaText, Token } from "node-llama-cpp";
import type { PromptWriter, TemplateMessage } from "../../prompt/index.ts";
import { loadNodeLlamaCpp } from "../native/node-llama-cpp.ts";
import type { LlamaVision } from "../vision/vision.ts";
import type { ToolFields } from "./conversation.ts";

/** The conversation of a history as a template takes it, and what the model has said of its last answer. */
interface Conversation {
  readonly messages: TemplateMessage[];
  readonly layouts: (string | number[])[][];
  readonly answer: string;
}

export interface TemplateWrapper extends ChatWrapper {
  /**
   * Renders a history's prompt, so that `generateContextState`, which node-llama-cpp wants at once, finds it rendered.
   * @throws as `ChatTemplate.render`
   */
  prepare(chatHistory: readonly ChatHistoryItem[], signal?: AbortSignal): Promise<void>;
  /** What ends the thought that the template leaves open; null where it leaves none. */
  openThoughtEnd(chatHistory: readonly ChatHistoryItem[]): string | null;
}

/**
 * Lets node-llama-cpp's chats speak a model's own template. The prompt's tokens are the writer's. What `LlamaText` would
 * make of its text may differ from them: it tokenizes text piece by piece.
 */
export async function templateWrapper(writer: PromptWriter, vision: LlamaVision): Promise<TemplateWrapper> {
  const { ChatWrapper, LlamaText, SpecialToken, SpecialTokensText } = await loadNodeLlamaCpp();
  const { template, vocabulary } = writer;
  const end = template.endOfTurn;
  const textOf = (word: string) => LlamaText(vocabulary.special.has(word) ? new SpecialTokensText(word) : word);
  const stops = [LlamaText(new SpecialToken("EOS"))];
  if (end !== null) stops.push(textOf(end));
  const { thoughts } = template;

  class TemplateChatWrapper extends ChatWrapper implements TemplateWrapper {
    readonly wrapperName = "vqrae";
    override readonly settings = {
      ...ChatWrapper.defaultSettings,
      ...(thoughts !== null && {
        segments: { thought: { prefix: textOf(thoughts.prefix), suffix: textOf(thoughts.suffix) } },
      }),
    };

    override generateContextState({ chatHistory }: { readonly chatHistory: readonly ChatHistoryItem[] }) {
      const { messages, layouts, answer } = this.#conversation(chatHistory);
      const opened = writer.opensThoughtNow(messages);
      // The template has written the tag already with which an answer's thoughts begin.
      const rest = opened && thoughts !== null ? answer.replace(thoughts.prefix, "") : answer;
      const tokens = writer.writeNow(messages, layouts, rest).flat() as Token[];
      const text = LlamaText(new SpecialTokensText(template.file));
      return {
        contextText: withTokens(text, tokens),
        stopGenerationTriggers: stops,
        ...(opened &&
          answer === "" && {
            noPrefixTrigger: { type: "segment", segmentType: "thought", inject: LlamaText("") } as const,
          }),
      };
    }

    async prepare(chatHistory: readonly ChatHistoryItem[], signal?: AbortSignal): Promise<void> {
      await template.render(this.#conversation(chatHistory).messages, signal);
    }

    openThoughtEnd(chatHistory: readonly ChatHistoryItem[]): string | null {
      return writer.opensThoughtNow(this.#conversation(chatHistory).messages) ? (thoughts?.suffix ?? null) : null;
    }

    #conversation(history: readonly (ChatHistoryItem & ToolFields)[]): Conversation {
      const messages: TemplateMessage[] = [];
      const layouts: (string | number[])[][] = [];
      let answer = "";
      for (const [i, item] of history.entries()) {
        if (item.type === "model") {
          const text = this.generateModelResponseText(item.response).toString();
          if (i === history.length - 1) answer = text;
          else
            messages.push({ role: "assistant", parts: [text], ...(item.toolCalls && { toolCalls: item.toolCalls }) });
          continue;
        }
        const text = item.type === "system" ? LlamaText.fromJSON(item.text).toString() : item.text;
        const pieces = vision.layoutsIn(text);
        layouts.push(...pieces.filter((piece) => typeof piece !== "string"));
        const parts = pieces.map((piece) => (typeof piece === "string" ? piece : null)).filter((part) => part !== "");
        if (item.isToolResult) messages.push({ role: "tool", parts });
        else if (parts.length > 0) messages.push({ role: item.type, parts });
      }
      const [first, ...others] = messages;
      if (first === undefined) return { messages, layouts, answer };
      const { tools, kwargs } = history[0] ?? {};
      const whole = { ...first, ...(tools && { tools }), ...(kwargs && { kwargs }) };
      return { messages: [whole, ...others], layouts, answer };
    }
  }
  return new TemplateChatWrapper();
}

/** A text whose tokens are known. */
const withTokens = (text: LlamaText, tokens: Token[]): LlamaText =>
  Object.assign(text, { tokenize: () => [...tokens] });
