import { withoutPunctuation } from "./python-text.ts";

/**
 * What lmms-eval's `exact_match` compares if case and punctuation are ignored; spaces count.
 * Source: lmms-eval, lmms_eval/api/metrics.py, `exact_match_hf_evaluate`.
 */
export const exactMatchForm = (text: string): string => withoutPunctuation(text.toLowerCase());
