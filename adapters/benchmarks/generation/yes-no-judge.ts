import type { ImageInput } from "../../../sdk/index.ts";
import type { VisionLanguageModel } from "../../vision-language-model.ts";
import { yesNoWord } from "../kit/parsers/yes-no-word.ts";

/** Answers questions about generated images with yes or no. */
export interface YesNoJudge {
  /** Named in every result. */
  readonly name: string;
  ask(image: ImageInput, question: string): Promise<JudgedAnswer>;
}

export interface JudgedAnswer {
  /** "unknown" where neither word, or both, came; it counts as no. */
  readonly answer: "yes" | "no" | "unknown";
  /** What the model said. */
  readonly text: string;
}

/** Printed with every result of a judge: benchmarks are defined with evaluators of their own. */
export const NOT_COMPARABLE =
  "a vision language model's yes or no in place of the benchmark's own evaluator: not comparable with published numbers";

/** Enough for "Yes, there is." */
const MAX_TOKENS = 16;

/** Any vision language model as a judge. Each question is a conversation of its own, at temperature 0. */
export function vlmJudge(model: VisionLanguageModel, { signal }: { readonly signal?: AbortSignal } = {}): YesNoJudge {
  return {
    name: model.modelId,
    async ask(image, question) {
      const content = [{ image }, `${question} Answer yes or no.`];
      const options = { maxTokens: MAX_TOKENS, temperature: 0, ...(signal && { signal }) };
      const { text } = await model.chat([{ role: "user", content }], options);
      return { answer: yesNoWord(text).toLowerCase() as JudgedAnswer["answer"], text };
    },
  };
}
