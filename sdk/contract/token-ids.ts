import { expected, expectedBut } from "../errors.ts";
import type { TokenGrid, TokenIds } from "./vision-tokenizer.ts";

/** Whether `input` is many grids rather than one: an array whose first element is a list itself. */
export function isManyGrids(input: TokenIds | readonly TokenIds[]): input is readonly TokenIds[] {
  return Array.isArray(input) && input.length > 0 && typeof input[0] === "object" && input[0] !== null;
}

/**
 * A checked copy of one image's ids, so that the caller's array may change or be reused meanwhile.
 * @throws INVALID_ARGUMENT for a wrong count, or for the first id that is no code
 */
export function checkGrid(ids: TokenIds, { rows, columns }: TokenGrid, codes: number, subject: string): Int32Array {
  assertList(ids, subject);
  const count = rows * columns;
  if (ids.length !== count) {
    const what = `${count} ids (${rows} rows of ${columns})`;
    throw expectedBut("INVALID_ARGUMENT", what, subject, String(ids.length));
  }
  return checkIds(ids, codes, subject);
}

/** A checked copy of any number of ids. @throws INVALID_ARGUMENT */
export function checkIds(ids: TokenIds, codes: number, subject: string): Int32Array {
  assertList(ids, subject);
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i];
    if (!Number.isInteger(id) || id! < 0 || id! >= codes) {
      throw expected("INVALID_ARGUMENT", `an integer from 0 to ${codes - 1}`, `id ${i} of ${subject}`, id);
    }
  }
  return Int32Array.from(ids);
}

function assertList(ids: unknown, subject: string): void {
  if (ids instanceof Int32Array || Array.isArray(ids)) return;
  throw expected("INVALID_ARGUMENT", "an Int32Array or an array of integers", subject, ids);
}
