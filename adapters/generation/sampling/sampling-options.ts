import { option } from "../../../sdk/kit.ts";

/** The options that say how ids are drawn. */
export const samplingOptions = {
  guidanceScale: option.number("a number >= 0", (value) => value >= 0),
  temperature: option.number("a number >= 0", (value) => value >= 0),
  topK: option.integer(0),
  topP: option.number("a number above 0, at most 1", (value) => value > 0 && value <= 1),
} as const;
