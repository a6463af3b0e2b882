import type { TokenGrid, TokenIds } from "../../../sdk/index.ts";
import { expected, expectedBut } from "../../../sdk/kit.ts";
import type { Sampling } from "../sampling/sampling.ts";

/** The ids that a language model predicts, and how. */
export interface IdFormat {
  readonly codebookSize: number;
  /** Ids of an image, in raster order. */
  readonly grid: TokenGrid;
  /** The tokenizer whose ids they are; empty where it is not known. */
  readonly tokenizer: string;
  /** The model's defaults. */
  readonly sampling: Sampling;
}

/** Where the visual tokens lie in a language model's vocabulary: [text][begin of image][end of image][codebook]. */
export interface VisualVocabulary extends IdFormat {
  /** K: visual token `firstToken + id` stands for id 0 to K - 1. */
  readonly codebookSize: number;
  readonly firstToken: number;
  readonly boiToken: number;
  readonly eoiToken: number;
  /** Ids of an image, in raster order between the two. */
  readonly grid: TokenGrid;
  /** The tokenizer whose ids they are. */
  readonly tokenizer: string;
  /** The text before the image, with `{prompt}` in it. */
  readonly promptFormat: string;
  readonly promptCase: PromptCase;
  /** Words that are tokens wherever they stand, whatever a tokenizer is told; left out where special tokens alone are. Global. */
  readonly alwaysTokens?: RegExp;
  /** Stands in the prompt's place where guidance looks at the model without a prompt. */
  readonly unconditionalPrompt: string;
  /** The model's defaults. */
  readonly sampling: Sampling;
}

/**
 * What the model has read: prompts "as-written", or "sentence", small letters behind the first. A model of few words knows
 * "A red circle" and not "A Red Circle".
 */
export const promptCases = ["as-written", "sentence"] as const;

export type PromptCase = (typeof promptCases)[number];

/** What a prompt's place is called in a prompt format. */
export const PROMPT_PLACE = "{prompt}";

/** The names of the new tokens of an expanded vocabulary, in order. */
export const newTokenNames = (codebookSize: number): string[] => [
  "<|boi|>",
  "<|eoi|>",
  ...Array.from({ length: codebookSize }, (_, id) => `<|visual_${id}|>`),
];

/** The tokens of `ids`. @throws INVALID_ARGUMENT for the first that is no id */
export function tokensOfIds(
  { codebookSize, firstToken }: Pick<VisualVocabulary, "codebookSize" | "firstToken">,
  ids: TokenIds,
): number[] {
  return Array.from(ids, (id, i) => {
    if (Number.isInteger(id) && id >= 0 && id < codebookSize) return firstToken + id;
    throw expected("INVALID_ARGUMENT", `a whole number from 0 to ${codebookSize - 1}`, `visual id ${i}`, id);
  });
}

/** The id that a token stands for. @throws RUNTIME for a token that is not visual */
export function idOfToken({ codebookSize, firstToken }: VisualVocabulary, token: number): number {
  const id = token - firstToken;
  if (Number.isInteger(id) && id >= 0 && id < codebookSize) return id;
  const what = `a token from ${firstToken} to ${firstToken + codebookSize - 1}`;
  throw expectedBut("RUNTIME", what, "an image's ids", `token ${token}`);
}
