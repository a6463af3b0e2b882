import { expected } from "../sdk/kit.ts";

/** Reads the value of an option that counts something. @throws INVALID_ARGUMENT */
export function wholeNumber(option: string, text: string, least: number, most = Number.MAX_SAFE_INTEGER): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isSafeInteger(value) && value >= least && value <= most) return value;
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  throw expected("INVALID_ARGUMENT", `a whole number ${range}`, option, text);
}
