import type { ImageInput } from "../../../../sdk/index.ts";
import type { JudgedAnswer, YesNoJudge } from "../yes-no-judge.ts";
import type { ImageVerdict } from "./evaluate-image.ts";
import type { GenEvalPrompt, IncludeClause } from "./prompts.ts";

/** A question for each clause, and the answer that makes the image right. */
export function judgeQuestions({ include, exclude }: Pick<GenEvalPrompt, "include" | "exclude">) {
  return [
    ...include.flatMap((clause) => {
      const { class: name, position } = clause;
      const target = position && include[position.target];
      const place = target ? [`Is the ${name} ${position.relation} the ${target.class}?`] : [];
      const questions = [`${atLeast(clause)} in the image?`, ...place];
      return questions.map((question) => ({ question, wanted: "yes" as const }));
    }),
    ...exclude.map((clause) => ({ question: `${atLeast(clause)} in the image?`, wanted: "no" as const })),
  ];
}

const atLeast = ({ class: name, count, color }: Pick<IncludeClause, "class" | "count" | "color">): string => {
  const thing = color === undefined ? name : `${color} ${name}`;
  return count === 1 ? `Is there a ${thing}` : `Are there at least ${count} of this: ${thing},`;
};

/** The same verdict from a judge's answers. It is no GenEval score: see `NOT_COMPARABLE`. */
export async function judgeImage(
  prompt: GenEvalPrompt,
  image: ImageInput,
  judge: YesNoJudge,
): Promise<ImageVerdict & { readonly answers: readonly ({ readonly question: string } & JudgedAnswer)[] }> {
  const answers: ({ question: string } & JudgedAnswer)[] = [];
  const reasons: string[] = [];
  for (const { question, wanted } of judgeQuestions(prompt)) {
    const judged = await judge.ask(image, question);
    answers.push({ question, ...judged });
    if (judged.answer !== wanted) reasons.push(`expected ${wanted} to "${question}", found ${judged.answer}`);
  }
  return { correct: reasons.length === 0, reason: reasons.join("\n"), answers };
}
