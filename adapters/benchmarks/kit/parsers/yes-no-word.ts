import { words } from "./python-text.ts";
import { vlmevalkitPunctuation } from "./vqa-answer.ts";

/**
 * Yes or no as VLMEvalKit reads it: one of the two words, and not the other.
 * Source: VLMEvalKit, vlmeval/dataset/utils/yorn.py, `YOrN_Extraction`.
 */
export function yesNoWord(answer: string): "Yes" | "No" | "Unknown" {
  const all = words(vlmevalkitPunctuation(answer.toLowerCase()));
  const [yes, no] = [all.includes("yes"), all.includes("no")];
  if (yes === no) return "Unknown";
  return yes ? "Yes" : "No";
}
