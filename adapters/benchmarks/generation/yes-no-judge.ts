import * as z from "zod";
import type { ImageInput } from "../../../sdk/index.ts";
import { option, parseOptions, setFields } from "../../../sdk/kit.ts";
import type { VisionLanguageModel } from "../../vision-language-model.ts";
import { yesNoWord } from "../kit/index.ts";

/** Answers questions about generated images with yes or no. */
export interface YesNoJudge {
  /** Named in every result. */
  readonly name: string;
  ask(image: ImageInput, question: string): Promise<JudgedAnswer>;
}

export interface JudgedAnswer {
  /** "unknown" if neither word, or both, came; it counts as no. */
  readonly answer: "yes" | "no" | "unknown";
  /** What the model said. */
  readonly text: string;
}

/** Printed with every result of a judge: benchmarks are defined with evaluators of their own. */
export const NOT_COMPARABLE =
  "a vision language model's yes or no in place of the benchmark's own evaluator: not comparable with published numbers";

const ANSWERS = { Yes: "yes", No: "no", Unknown: "unknown" } as const;

/** Enough for "Yes, there is." */
const MAX_TOKENS = 16;

export interface VlmJudgeOptions {
  /** Ends the answers under way. */
  readonly signal?: AbortSignal | undefined;
}

const schema = z.strictObject({ signal: option.signal });

/**
 * Any vision language model as a judge. Each question is a conversation of its own, at temperature 0.
 * @throws INVALID_ARGUMENT
 */
export function vlmJudge(
  model: Pick<VisionLanguageModel, "modelId" | "chat">,
  options: VlmJudgeOptions = {},
): YesNoJudge {
  const { signal } = parseOptions(schema, options, "vlmJudge");
  return {
    name: model.modelId,
    async ask(image, question) {
      const content = [{ image }, `${question} Answer yes or no.`];
      const { text } = await model.chat([{ role: "user", content }], {
        maxTokens: MAX_TOKENS,
        temperature: 0,
        ...setFields({ signal }),
      });
      return { answer: ANSWERS[yesNoWord(text)], text };
    },
  };
}
