import type { DrawRule } from "../../../sdk/kit.ts";

/** How ids are drawn from logits, with and without the prompt. */
export interface Sampling extends DrawRule {
  /** u + scale * (c - u), of logits with the prompt (c) and without (u); 1 is no guidance. */
  readonly guidanceScale: number;
  readonly guidanceSchedule: GuidanceSchedule;
}

/**
 * The guidance scale over the ids of an image: the same for all; from 1 at the first to the scale at the last; or the
 * scale for ids 0 to `interval` + 1 and 1 after them (LlamaGen's `cfg_interval`, which counts from the second id).
 */
export type GuidanceSchedule = "constant" | "linear" | { readonly interval: number };

/** The scale for id `index` of `total`. */
export function guidanceAt({ guidanceScale, guidanceSchedule }: Sampling, index: number, total: number): number {
  if (guidanceSchedule === "constant") return guidanceScale;
  if (guidanceSchedule === "linear") {
    return total > 1 ? 1 + (guidanceScale - 1) * (index / (total - 1)) : guidanceScale;
  }
  return index - 1 > guidanceSchedule.interval ? 1 : guidanceScale;
}
