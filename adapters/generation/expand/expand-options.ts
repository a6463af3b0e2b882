import type { TokenGrid } from "../../../sdk/index.ts";
import { expected } from "../../../sdk/kit.ts";
import type { Sampling } from "../sampling/sampling.ts";
import { PROMPT_PLACE, type VisualVocabulary } from "../vocabulary/visual-vocabulary.ts";
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
  /** Default "". */
  readonly unconditionalPrompt?: string;
  /** What the file says of sampling (default: no guidance, temperature 1, no filter). */
  readonly sampling?: Partial<Omit<Sampling, "guidanceSchedule">>;
}

/** More codes than any tokenizer has. */
const MAX_CODES = 2 ** 20;
const MAX_SIDE = 4096;

/**
 * The vocabulary that has its first new token, begin-of-image, at `boiToken`.
 * @throws INVALID_ARGUMENT
 */
export function expandedVocabulary(boiToken: number, options: ExpandOptions): VisualVocabulary {
  const { codebookSize, grid, tokenizer = "", promptFormat = PROMPT_PLACE, unconditionalPrompt = "" } = options;
  const whole = (name: string, value: unknown, high: number): void => {
    if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= high) return;
    throw expected("INVALID_ARGUMENT", `a whole number from 1 to ${high}`, `option ${name}`, value);
  };
  whole("codebookSize", codebookSize, MAX_CODES);
  whole("grid.rows", grid?.rows, MAX_SIDE);
  whole("grid.columns", grid.columns, MAX_SIDE);
  if (typeof promptFormat !== "string" || promptFormat.split(PROMPT_PLACE).length !== 2) {
    throw expected("INVALID_ARGUMENT", `a text with one ${PROMPT_PLACE}`, "option promptFormat", promptFormat);
  }
  const { guidanceScale = 1, temperature = 1, topK = 0, topP = 1 } = options.sampling ?? {};
  return {
    codebookSize,
    firstToken: boiToken + 2,
    boiToken,
    eoiToken: boiToken + 1,
    grid: { rows: grid.rows, columns: grid.columns },
    tokenizer,
    promptFormat,
    unconditionalPrompt,
    sampling: { guidanceScale, guidanceSchedule: "constant", temperature, topK, topP },
  };
}
