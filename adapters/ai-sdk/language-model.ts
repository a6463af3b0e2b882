import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4FinishReason,
  LanguageModelV4GenerateResult,
  LanguageModelV4StreamPart,
  LanguageModelV4StreamResult,
  LanguageModelV4ToolCall,
  LanguageModelV4Usage,
  SharedV4Warning,
} from "@ai-sdk/provider";
import { leave } from "../async-generators.ts";
import type { VisionLanguageModel, VlmAnswer } from "../vision-language-model.ts";
import { toVlmOptions } from "./call-options.ts";
import { toAiSdkError } from "./errors.ts";
import { toMessages } from "./prompt.ts";

/** The one text part that an answer has. */
const TEXT_ID = "0";
const NO_USAGE = toUsage({ promptTokens: null, answerTokens: null });

/** A vision language model as the AI SDK's specification V4 wants it; made by `VqraeProvider.languageModel`. */
export class VqraeLanguageModel implements LanguageModelV4 {
  readonly specificationVersion = "v4";
  readonly provider = "vqrae";
  readonly modelId: string;
  /** None: the SDK fetches remote images itself. */
  readonly supportedUrls = {};
  readonly #load: () => Promise<VisionLanguageModel>;

  /** @internal */
  constructor(modelId: string, load: () => Promise<VisionLanguageModel>) {
    this.modelId = modelId;
    this.#load = load;
  }

  /**
   * @throws InvalidArgumentError, InvalidPromptError, UnsupportedFunctionalityError; VqraeError where the model fails
   */
  async doGenerate(options: LanguageModelV4CallOptions): Promise<LanguageModelV4GenerateResult> {
    const warnings: SharedV4Warning[] = [];
    try {
      const model = await this.#load();
      const messages = toMessages(options.prompt, warnings);
      const answer = await model.chat(messages, toVlmOptions(options, model, warnings));
      return {
        content: [...(answer.text === "" ? [] : [{ type: "text" as const, text: answer.text }]), ...callsOf(answer)],
        finishReason: toFinishReason(answer),
        usage: toUsage(answer),
        warnings,
        response: this.#response(),
      };
    } catch (error) {
      throw toAiSdkError(error, options.prompt);
    }
  }

  /**
   * What fails before the first piece rejects here; what fails later is a part of the stream. Throws as `doGenerate`.
   */
  async doStream(options: LanguageModelV4CallOptions): Promise<LanguageModelV4StreamResult> {
    const warnings: SharedV4Warning[] = [];
    try {
      const model = await this.#load();
      const messages = toMessages(options.prompt, warnings);
      const pieces = model.streamChat(messages, toVlmOptions(options, model, warnings));
      const first = await pieces.next();
      const parts = this.#parts(first, pieces, warnings, options.prompt);
      const stream = new ReadableStream<LanguageModelV4StreamPart>({
        async pull(controller) {
          const { done, value } = await parts.next();
          if (done) controller.close();
          else controller.enqueue(value);
        },
        cancel: () => leave(pieces),
      });
      return { stream };
    } catch (error) {
      throw toAiSdkError(error, options.prompt);
    }
  }

  async *#parts(
    first: IteratorResult<{ readonly text: string }, VlmAnswer>,
    pieces: AsyncGenerator<{ readonly text: string }, VlmAnswer>,
    warnings: SharedV4Warning[],
    prompt: unknown,
  ): AsyncGenerator<LanguageModelV4StreamPart> {
    try {
      yield { type: "stream-start", warnings };
      yield { type: "response-metadata", ...this.#response() };
      let next = first;
      if (!next.done) {
        yield { type: "text-start", id: TEXT_ID };
        for (; !next.done; next = await pieces.next()) {
          yield { type: "text-delta", id: TEXT_ID, delta: next.value.text };
        }
        yield { type: "text-end", id: TEXT_ID };
      }
      for (const call of callsOf(next.value)) {
        const { toolCallId: id, toolName, input } = call;
        yield { type: "tool-input-start", id, toolName };
        yield { type: "tool-input-delta", id, delta: input };
        yield { type: "tool-input-end", id };
        yield call;
      }
      yield { type: "finish", finishReason: toFinishReason(next.value), usage: toUsage(next.value) };
    } catch (error) {
      yield { type: "error", error: toAiSdkError(error, prompt) };
      yield { type: "finish", finishReason: { unified: "error", raw: undefined }, usage: NO_USAGE };
    }
  }

  #response() {
    return { id: crypto.randomUUID(), timestamp: new Date(), modelId: this.modelId };
  }
}

const callsOf = ({ toolCalls = [] }: VlmAnswer): LanguageModelV4ToolCall[] =>
  toolCalls.map(({ name, arguments: values }) => ({
    type: "tool-call",
    toolCallId: crypto.randomUUID(),
    toolName: name,
    input: JSON.stringify(values),
  }));

const toFinishReason = ({ finishReason, toolCalls }: VlmAnswer): LanguageModelV4FinishReason => ({
  unified: toolCalls === undefined ? finishReason : "tool-calls",
  raw: finishReason,
});

function toUsage({
  promptTokens,
  answerTokens,
}: Pick<VlmAnswer, "promptTokens" | "answerTokens">): LanguageModelV4Usage {
  const [input, output] = [promptTokens ?? undefined, answerTokens ?? undefined];
  return {
    inputTokens: { total: input, noCache: undefined, cacheRead: undefined, cacheWrite: undefined },
    outputTokens: { total: output, text: output, reasoning: undefined },
  };
}
