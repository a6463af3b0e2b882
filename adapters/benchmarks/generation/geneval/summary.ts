import { groupBy } from "../../kit/index.ts";
/** An image's line in results.jsonl, in the form of the reference's: its summary_scores.py reads the file. */
export interface GenEvalResult {
  readonly filename: string;
  readonly tag: string;
  readonly prompt: string;
  readonly correct: boolean;
  readonly reason: string;
  /** The prompt's line, as JSON; images of one prompt have the same. */
  readonly metadata: string;
  /** The boxes looked at, or a judge's answers, as JSON. */
  readonly details: string;
}

export interface GenEvalSummary {
  readonly images: number;
  readonly prompts: number;
  /** Shares, 0 to 1. */
  readonly correctImages: number;
  /** Of prompts with at least one right image. */
  readonly correctPrompts: number;
  readonly tags: readonly { readonly tag: string; readonly correct: number; readonly images: number }[];
  /** The benchmark's number: the unweighted mean over tags of the share of right images. */
  readonly overall: number;
}

/** Equals summary_scores.py of djghosh13/geneval. @throws nothing: no results give NaN */
export function summarizeGenEval(results: readonly GenEvalResult[]): GenEvalSummary {
  const byPrompt = groupBy(results, ({ metadata }) => metadata);
  const byTag = groupBy(results, ({ tag }) => tag);
  const right = (some: readonly GenEvalResult[]) => some.filter(({ correct }) => correct).length;
  const tags = [...byTag].map(([tag, some]) => ({ tag, correct: right(some), images: some.length }));
  return {
    images: results.length,
    prompts: byPrompt.size,
    correctImages: right(results) / results.length,
    correctPrompts: [...byPrompt.values()].filter((some) => right(some) > 0).length / byPrompt.size,
    tags,
    overall: tags.reduce((sum, { correct, images }) => sum + correct / images, 0) / tags.length,
  };
}
