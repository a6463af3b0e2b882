import type { Option, Question } from "../benchmark.ts";

/** Instructions of LLaVA's evaluation, which both harnesses use too. */
export const SHORT_ANSWER = "Answer the question using a single word or phrase.";
export const OPTION_LETTER = "Answer with the option's letter from the given choices directly.";

/** "A. text", a line each. */
export const optionLines = (options: readonly Option[]): string =>
  options.map(({ letter, text }) => `${letter}. ${text}`).join("\n");

/**
 * How VLMEvalKit asks InternVL a multiple-choice question; an open one is asked for its answer.
 * Source: VLMEvalKit, vlmeval/vlm/internvl/utils.py, `build_multi_choice_prompt`.
 */
export function vlmevalkitChoicePrompt({ text, hint, options }: Question): string {
  const question = [hint, text, ...options.map((option) => `${option.letter}. ${option.text}`)]
    .filter((line) => line !== undefined)
    .join("\n");
  const chinese = /[\u4e00-\u9fff]/.test(question);
  if (options.length > 0) return `${question}\n${chinese ? "请直接回答选项字母。" : OPTION_LETTER}`;
  return `${question}\n${chinese ? "请直接回答问题。" : "Answer the question directly."}`;
}

export const INTERNVL_TOKENS = 4096;
export const LLAVA_TOKENS = 128;
/**
 * Where lmms-eval ends an answer, if its task names no `until`: at the first empty line. Several of its models leave that out.
 * Source: lmms-eval, lmms_eval/api/task.py, `fewshot_delimiter`.
 */
export const LMMS_EVAL_STOP = ["\n\n"];
/** Most tokens of an answer in lmms-eval, if its task names no limit. */
export const LMMS_EVAL_TOKENS = 1024;
