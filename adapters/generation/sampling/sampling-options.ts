import { option } from "../../../sdk/kit.ts";

/** Logits of hundreds stay finite with it; the published models use 1 to 10. */
const MAX_GUIDANCE_SCALE = 1000;

/** The options that say how ids are drawn. */
export const samplingOptions = {
  guidanceScale: option.number(
    `a number from 0 to ${MAX_GUIDANCE_SCALE}`,
    (value) => value >= 0 && value <= MAX_GUIDANCE_SCALE,
  ),
  temperature: option.number("a number >= 0", (value) => value >= 0),
  topK: option.integer(0),
  topP: option.number("a number above 0, at most 1", (value) => value > 0 && value <= 1),
} as const;
