import type { Row } from "../readers/row.ts";
import * as pythonText from "./python-text.ts";

const YES_OR_NO = /^(yes|no)$/i;

/** Whether an answer of a yes-or-no benchmark is one of the two, in either case and with outer space, as lmms-eval asserts. */
export const isYesOrNo = (answer: unknown): answer is string =>
  typeof answer === "string" && YES_OR_NO.test(pythonText.strip(answer));

/** The answer in a column, without outer space. @throws INVALID_DATA for anything but yes or no */
export function yesOrNo(row: Row, name: string): string {
  const answer = row.raw(name);
  if (isYesOrNo(answer)) return pythonText.strip(answer);
  throw row.wrong(name, "yes or no");
}
