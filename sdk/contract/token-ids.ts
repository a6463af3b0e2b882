import { expected, expectedBut } from "../errors.ts";
import type { TokenIds } from "./decoder.ts";
import type { TokenGrid } from "./image.ts";

/** What `decode` takes for one image: ids, or features for a tokenizer without a codebook. */
export type DecoderTokens = TokenIds | Float32Array;

/** Whether `input` is many images rather than one: an array whose first element is a list itself. */
export function isManyGrids(input: DecoderTokens | readonly DecoderTokens[]): input is readonly DecoderTokens[] {
  return Array.isArray(input) && input.length > 0 && typeof input[0] === "object" && input[0] !== null;
}

/**
 * A checked copy of one image's ids, so that the caller's array may change or be reused meanwhile.
 * @throws INVALID_ARGUMENT for a wrong count, or for the first id that is no code
 */
export function checkGrid(
  ids: DecoderTokens,
  { rows, columns }: TokenGrid,
  codes: number,
  subject: string,
): Int32Array {
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
  // Also the holes of an array, which `entries` gives as undefined.
  for (const [i, id] of ids.entries()) {
    if (Number.isInteger(id) && id >= 0 && id < codes) continue;
    throw expected("INVALID_ARGUMENT", `an integer from 0 to ${codes - 1}`, `id ${i} of ${subject}`, id);
  }
  return Int32Array.from(ids);
}

function assertList(ids: unknown, subject: string): asserts ids is TokenIds {
  if (ids instanceof Int32Array || Array.isArray(ids)) return;
  throw expected("INVALID_ARGUMENT", "an Int32Array or an array of integers", subject, ids);
}

/**
 * A checked copy of one image's features, [tokens, dim].
 * @throws INVALID_ARGUMENT for a wrong count, or for a number that is not finite
 */
export function checkFeatures(
  features: DecoderTokens,
  { rows, columns }: TokenGrid,
  dim: number,
  subject: string,
): Float32Array {
  if (!(features instanceof Float32Array))
    throw expected("INVALID_ARGUMENT", "a Float32Array of features", subject, features);
  const count = rows * columns * dim;
  if (features.length !== count) {
    const what = `${count} numbers (${rows} rows of ${columns} tokens of ${dim})`;
    throw expectedBut("INVALID_ARGUMENT", what, subject, String(features.length));
  }
  const bad = features.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return features.slice();
  throw expected("INVALID_ARGUMENT", "a finite number", `number ${bad} of ${subject}`, features[bad]);
}
