import { pythonText } from "../../kit/index.ts";

/**
 * Yes or no as lmms-eval reads it for MME: the whole answer, its one letter, or the first four characters.
 * Source: lmms-eval, lmms_eval/tasks/mme/utils.py, `parse_pred_ans`.
 */
export function mmeYesNo(answer: string): "yes" | "no" | "other" {
  const text = pythonText.strip(answer.toLowerCase()).replaceAll(".", "");
  if (text === "yes" || text === "y") return "yes";
  if (text === "no" || text === "n") return "no";
  const start = [...text].slice(0, 4).join("");
  if (start.includes("yes")) return "yes";
  return start.includes("no") ? "no" : "other";
}

/**
 * The same without lmms-eval's additions: no dots are removed, and one letter is no answer (MME's own calculation.py).
 */
export function mmeOfficialYesNo(answer: string): "yes" | "no" | "other" {
  const text = answer.toLowerCase();
  if (text === "yes" || text === "no") return text;
  const start = [...text].slice(0, 4).join("");
  if (start.includes("yes")) return "yes";
  return start.includes("no") ? "no" : "other";
}
