import { expected, expectedBut, VqraeError } from "../errors.ts";
import type { DecoderInfo, TokenIds } from "./decoder.ts";
import { type CodebookInfo, idsPerImage } from "./encoder.ts";
import type { TokenGrid } from "./image.ts";

/** What `decode` takes for one image: ids, or features for a tokenizer without a codebook. */
export type DecoderTokens = TokenIds | Float32Array;

/** Whether `input` is many images rather than one: an array whose first element is a list itself. */
export function isManyGrids(input: DecoderTokens | readonly DecoderTokens[]): input is readonly DecoderTokens[] {
  return Array.isArray(input) && input.length > 0 && typeof input[0] === "object" && input[0] !== null;
}

/** What `decode` was given: checked copies, in their order. */
export interface DecoderInput {
  readonly many: boolean;
  readonly images: readonly (Int32Array | Float32Array)[];
  readonly grid: TokenGrid;
}

/**
 * Checks what `decode` was given, for one image or many. `asked` is its option `grid`.
 * @throws UNSUPPORTED for a model without a decoder; INVALID_ARGUMENT for another grid, a wrong count, an id that is no code
 * or a feature that is not finite; `index` says which of many images it is about
 */
export function decoderInput(
  info: Pick<DecoderInfo, "modelId" | "decodes" | "grid" | "codebook"> & { readonly featureDim?: number | null },
  input: DecoderTokens | readonly DecoderTokens[],
  asked: TokenGrid | undefined,
): DecoderInput {
  const { modelId, decodes, codebook, featureDim } = info;
  if (decodes === null) {
    throw expectedBut("UNSUPPORTED", "a checkpoint with a decoder", "decode", `${modelId}, which has none`);
  }
  const grid = decoderGrid(info.grid, asked);
  const check = (tokens: DecoderTokens, subject: string) => {
    if (decodes === "features") return checkFeatures(tokens, grid, featureDim ?? 0, subject);
    return checkGrid(tokens, grid, codebook ?? { size: 0, codesPerToken: 1 }, subject);
  };
  return { ...eachGrid(input, `the ${decodes} of one image`, check), grid };
}

/**
 * Checks what `decodeFeatures` was given, for one image or many.
 * @throws INVALID_ARGUMENT for a wrong count or an id that is no code; `index` says which of many images it is about
 */
export function featureDecoderInput(
  { grid: own, codebook }: Pick<DecoderInfo, "grid" | "codebook">,
  input: TokenIds | readonly TokenIds[],
): { readonly many: boolean; readonly images: readonly Int32Array[] } {
  const grid = decoderGrid(own, undefined);
  return eachGrid(input, "the ids of one image", (ids, subject) =>
    checkGrid(ids, grid, codebook ?? { size: 0, codesPerToken: 1 }, subject),
  );
}

function eachGrid<T>(
  input: DecoderTokens | readonly DecoderTokens[],
  one: string,
  check: (tokens: DecoderTokens, subject: string) => T,
): { readonly many: boolean; readonly images: readonly T[] } {
  if (!isManyGrids(input)) return { many: false, images: [check(input, one)] };
  const images = input.map((tokens, index) => {
    try {
      return check(tokens, `grids[${index}]`);
    } catch (error) {
      throw VqraeError.isInstance(error) ? error.withIndex(index) : error;
    }
  });
  return { many: true, images };
}

function decoderGrid(own: TokenGrid | null, asked: TokenGrid | undefined): TokenGrid {
  const words = ({ rows, columns }: TokenGrid) => `${rows} rows of ${columns}`;
  const grid = own ?? asked;
  if (grid && (!asked || (asked.rows === grid.rows && asked.columns === grid.columns))) return grid;
  const what = own ? words(own) : "the rows and columns of the tokens";
  throw expectedBut("INVALID_ARGUMENT", what, 'option "grid" of decode', asked ? words(asked) : "nothing");
}

/**
 * A checked copy of one image's ids, so that the caller's array may change or be reused meanwhile.
 * @throws INVALID_ARGUMENT for a wrong count, or for the first id that is no code
 */
export function checkGrid(
  ids: DecoderTokens,
  grid: TokenGrid,
  codebook: Pick<CodebookInfo, "size" | "codesPerToken" | "scales">,
  subject: string,
): Int32Array {
  assertList(ids, subject);
  const { size, codesPerToken, scales = [grid] } = codebook;
  const count = idsPerImage(codebook, grid);
  if (ids.length !== count) {
    const each = codesPerToken === 1 ? "" : ` tokens of ${codesPerToken}`;
    const grids = scales.map(({ rows, columns }) => `${rows} rows of ${columns}`).join(", ");
    const what = `${count} ids (${grids}${each})`;
    throw expectedBut("INVALID_ARGUMENT", what, subject, String(ids.length));
  }
  return checkIds(ids, size, subject);
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
