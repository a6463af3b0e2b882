import { option } from "../options.ts";

/** How an id is drawn from logits: temperature, then top-k, then top-p, then a draw. */
export interface DrawRule {
  /** 0 always takes the likeliest id. */
  readonly temperature: number;
  /** Only the k likeliest ids; 0 is all. */
  readonly topK: number;
  /** Only the likeliest ids that have this share of the probability together; 1 is all. */
  readonly topP: number;
}

/** The options that say so. */
export const drawOptions = {
  temperature: option.number("a number >= 0", (value) => value >= 0),
  topK: option.integer(0),
  topP: option.number("a number above 0, at most 1", (value) => value > 0 && value <= 1),
} as const;

/** Logits of hundreds stay finite with it; the published models use 1 to 10. */
export const MAX_GUIDANCE_SCALE = 1000;
