import { expected } from "../../errors.ts";

/** @throws INVALID_ARGUMENT */
export function wholeNumber(value: number, name: string, max = 2 ** 31): void {
  if (!Number.isInteger(value) || value < 1 || value > max)
    throw expected("INVALID_ARGUMENT", `a whole number from 1 to ${max}`, name, value);
}
