import type { Sampling } from "./sampling.ts";

const all = { guidanceSchedule: "constant", temperature: 1, topP: 1 } as const;

export const PRESET_NAMES = ["llamagen", "llamagen-class", "janus", "tar", "plain"] as const;
export type PresetName = (typeof PRESET_NAMES)[number];

/** How the sources sample by default. */
export const presets = {
  /** LlamaGen, text to image: autoregressive/sample/sample_t2i.py. */
  llamagen: { ...all, guidanceScale: 7.5, topK: 1000 },
  /** LlamaGen, class to image: autoregressive/sample/sample_c2i.py. */
  "llamagen-class": { ...all, guidanceScale: 4, topK: 2000 },
  /** Janus and Janus-Pro: generation_inference.py. */
  janus: { ...all, guidanceScale: 5, topK: 0 },
  /** Tar: t2i_inference.py. */
  tar: { ...all, guidanceScale: 1, topK: 1200, topP: 0.95 },
  /** No guidance and no filter: what the model has learned. */
  plain: { ...all, guidanceScale: 1, topK: 0 },
} as const satisfies Readonly<Record<PresetName, Sampling>>;
