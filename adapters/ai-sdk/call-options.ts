import type { LanguageModelV4CallOptions, SharedV4Warning } from "@ai-sdk/provider";
import { setFields } from "../../sdk/kit.ts";
import { ANY_JSON_OBJECT, type VlmOptions } from "../vision-language-model.ts";

/** What a model of this package has no use for, and when that matters to the caller. */
const IGNORED: readonly { feature: string; asked: (options: LanguageModelV4CallOptions) => boolean }[] = [
  { feature: "tools", asked: ({ tools }) => tools !== undefined && tools.length > 0 },
  { feature: "toolChoice", asked: ({ toolChoice }) => toolChoice?.type === "required" || toolChoice?.type === "tool" },
  {
    feature: "reasoning",
    asked: ({ reasoning = "provider-default" }) => !["provider-default", "none"].includes(reasoning),
  },
];

/** The AI SDK's call options as ours; what is ignored is added to `warnings`. */
export function toVlmOptions(options: LanguageModelV4CallOptions, warnings: SharedV4Warning[]): VlmOptions {
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
  });
}
