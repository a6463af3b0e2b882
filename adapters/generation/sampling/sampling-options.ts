import { drawOptions, MAX_GUIDANCE_SCALE, option } from "../../../sdk/kit.ts";

/** The options that say how ids are drawn. */
export const samplingOptions = {
  guidanceScale: option.number(
    `a number from 0 to ${MAX_GUIDANCE_SCALE}`,
    (value) => value >= 0 && value <= MAX_GUIDANCE_SCALE,
  ),
  ...drawOptions,
} as const;
