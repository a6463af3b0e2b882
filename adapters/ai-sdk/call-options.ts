import { type LanguageModelV4CallOptions, type SharedV4Warning, UnsupportedFunctionalityError } from "@ai-sdk/provider";
import { setFields } from "../../sdk/kit.ts";
import { askedTools } from "../asked-tools.ts";
import { ANY_JSON_OBJECT, type VisionLanguageModel, type VlmOptions } from "../vision-language-model.ts";

/** What a model of this package has no use for, and when that matters to the caller. */
const IGNORED: readonly { feature: string; asked: (options: LanguageModelV4CallOptions) => boolean }[] = [
  {
    feature: "reasoning",
    asked: ({ reasoning = "provider-default" }) => !["provider-default", "none"].includes(reasoning),
  },
];

/**
 * The AI SDK's call options as ours; what is ignored is added to `warnings`.
 * @throws UnsupportedFunctionalityError for a tool that must be called, of a model that calls none
 */
export function toVlmOptions(
  options: LanguageModelV4CallOptions,
  model: VisionLanguageModel,
  warnings: SharedV4Warning[],
): VlmOptions {
  for (const { feature, asked } of IGNORED) if (asked(options)) warnings.push({ type: "unsupported", feature });
  const { responseFormat } = options;
  return setFields({
    maxTokens: options.maxOutputTokens,
    temperature: options.temperature,
    topP: options.topP,
    topK: options.topK,
    presencePenalty: options.presencePenalty,
    frequencyPenalty: options.frequencyPenalty,
    seed: options.seed,
    stop: options.stopSequences,
    jsonSchema: responseFormat?.type === "json" ? (responseFormat.schema ?? ANY_JSON_OBJECT) : undefined,
    onWarning: (details: string) => warnings.push({ type: "unsupported", feature: "responseFormat", details }),
    signal: options.abortSignal,
    ...toTools(options, model, warnings),
  });
}

function toTools(
  { tools = [], toolChoice }: LanguageModelV4CallOptions,
  model: VisionLanguageModel,
  warnings: SharedV4Warning[],
) {
  const own = tools.filter((tool) => tool.type === "function");
  for (const { id } of tools.filter((tool) => tool.type === "provider")) {
    warnings.push({ type: "unsupported", feature: `provider-defined tool ${id}` });
  }
  return askedTools(
    {
      tools: own,
      choice: toolChoice?.type === "tool" ? { name: toolChoice.toolName } : toolChoice?.type,
      choiceField: "toolChoice",
      toTool: ({ name, description, inputSchema: parameters }) => ({
        name,
        parameters,
        ...(description !== undefined && { description }),
      }),
      onIgnored: () => warnings.push({ type: "unsupported", feature: "tools" }),
      refuse: (message, functionality) => new UnsupportedFunctionalityError({ functionality, message }),
    },
    model,
  );
}
