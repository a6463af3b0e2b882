import * as z from "zod";
import type { TokenGrid } from "../../../sdk/index.ts";
import { option, parseOptions } from "../../../sdk/kit.ts";
import type { Sampling } from "../sampling/sampling.ts";
import { samplingOptions } from "../sampling/sampling-options.ts";
import { PROMPT_PLACE, type PromptCase, promptCases, type VisualVocabulary } from "../vocabulary/visual-vocabulary.ts";
import type { NewRows } from "./new-rows.ts";

export interface ExpandOptions {
  /** Visual tokens to add: the tokenizer's `info.codebook.size`. */
  readonly codebookSize: number;
  /** Ids of an image: the tokenizer's `info.grid`. */
  readonly grid: TokenGrid;
  /** The tokenizer's name, for people. */
  readonly tokenizer?: string;
  /** Default "mean". */
  readonly rows?: NewRows;
  /** Default "{prompt}". */
  readonly promptFormat?: string;
  /** Default "as-written". */
  readonly promptCase?: PromptCase;
  /** Default "". */
  readonly unconditionalPrompt?: string;
  /** What the file says of sampling (default: no guidance, temperature 1, no filter). */
  readonly sampling?: Partial<Omit<Sampling, "guidanceSchedule">>;
}

/** More codes than any tokenizer has. */
const MAX_CODES = 2 ** 20;
const MAX_SIDE = 4096;

const count = (most: number) => z.int().min(1).max(most).describe(`a whole number from 1 to ${most}`);
const isText = (value: unknown): value is string => typeof value === "string";
const text = option.custom<string>("a text", isText);

const schema = z.strictObject({
  codebookSize: count(MAX_CODES),
  /** Checked below, so that an error names the side. */
  grid: z.unknown().optional(),
  tokenizer: text,
  /** Checked where they are read, when the model's width is known. */
  rows: option.custom<NewRows>("new rows", () => true),
  promptFormat: option.custom<string>(
    `a text with one ${PROMPT_PLACE}`,
    (value) => isText(value) && value.split(PROMPT_PLACE).length === 2,
  ),
  promptCase: option.oneOf(...promptCases),
  unconditionalPrompt: text,
  /** Checked below, so that an error names the number. */
  sampling: z.unknown().optional(),
});
const gridSchema = z.strictObject({ rows: count(MAX_SIDE), columns: count(MAX_SIDE) });
const samplingSchema = z.strictObject(samplingOptions);

/**
 * The vocabulary that has its first new token, begin-of-image, at `boiToken`.
 * @throws INVALID_ARGUMENT
 */
export function expandedVocabulary(boiToken: number, options: ExpandOptions): VisualVocabulary {
  const {
    codebookSize,
    tokenizer = "",
    promptFormat = PROMPT_PLACE,
    promptCase = "as-written",
    unconditionalPrompt = "",
    ...rest
  } = parseOptions(schema, options, "expandVocabulary");
  const grid = parseOptions(gridSchema, rest.grid, "expandVocabulary's grid");
  const sampling = parseOptions(samplingSchema, rest.sampling, "expandVocabulary's sampling");
  const { guidanceScale = 1, temperature = 1, topK = 0, topP = 1 } = sampling;
  return {
    codebookSize,
    firstToken: boiToken + 2,
    boiToken,
    eoiToken: boiToken + 1,
    grid,
    tokenizer,
    promptFormat,
    promptCase,
    unconditionalPrompt,
    sampling: { guidanceScale, guidanceSchedule: "constant", temperature, topK, topP },
  };
}
