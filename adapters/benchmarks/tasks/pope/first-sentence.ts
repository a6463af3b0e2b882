/**
 * Yes or no as POPE's authors read it: a word "No", "no" or "not" before the first full stop is no, all else is yes. So
 * "NO", "Nope" and "no" before a line break count as yes.
 * Source: POPE, evaluate.py; LLaVA, llava/eval/eval_pope.py.
 */
export function firstSentenceYesNo(answer: string): "yes" | "no" {
  const words = answer.replace(/\..*/s, "").replaceAll(",", "").split(" ");
  return words.includes("No") || words.includes("not") || words.includes("no") ? "no" : "yes";
}
