import { describe, expectedBut, uniformNumbers } from "../../../sdk/kit.ts";

/**
 * The rows of the new visual tokens, in the embeddings and in the output layer:
 * - "mean": the mean of the rows that are there, as in Tar and in transformers' `resize_token_embeddings` without its
 *   noise.
 * - `{ codebook }`: [codebookSize, e], the tokenizer's `codebookVectors` of all ids, so that tokens of similar patches
 *   begin alike. The vectors are centred. Where e is not the model's width, a sparse random projection brings them to
 *   it (Li, Hastie and Church, 2006). They are scaled to the deviation of the rows that are there and put around their
 *   mean.
 * - `{ embeddings, output }`: [codebookSize, width] each, taken as they are. `output` is for a model whose output layer
 *   has weights of its own.
 *
 * Begin-of-image and end-of-image are the mean.
 */
export type NewRows =
  | "mean"
  | { readonly codebook: Float32Array; readonly seed?: number }
  | { readonly embeddings: Float32Array; readonly output?: Float32Array };

/** Of the rows of a tensor. */
export interface RowStatistics {
  /** [width] */
  readonly mean: Float64Array;
  /** Of all numbers from their column's mean. */
  readonly deviation: number;
}

/** @param pieces whole rows of `width` numbers */
export async function rowStatistics(pieces: AsyncIterable<Float32Array>, width: number): Promise<RowStatistics> {
  const sums = new Float64Array(width);
  const squares = new Float64Array(width);
  let rows = 0;
  for await (const piece of pieces) {
    rows += piece.length / width;
    for (let at = 0; at < piece.length; at += width) {
      for (let i = 0; i < width; i++) {
        const value = piece[at + i]!;
        sums[i]! += value;
        squares[i]! += value * value;
      }
    }
  }
  const mean = sums.map((sum) => sum / rows);
  const variance = squares.reduce((total, square, i) => total + Math.max(0, square / rows - mean[i]! ** 2), 0) / width;
  return { mean, deviation: Math.sqrt(variance) };
}

/** Rows that are made at once. */
const ROWS_AT_ONCE = 256;

/** The rows of begin-of-image, end-of-image and `codebookSize` ids, in pieces of whole rows. */
export function* newRows(
  kind: "embeddings" | "output",
  rows: NewRows,
  { mean, deviation }: RowStatistics,
  codebookSize: number,
): Generator<Float32Array> {
  const width = mean.length;
  yield Float32Array.from({ length: 2 * width }, (_, i) => mean[i % width]!);
  const row = rowMaker(kind, rows, width, codebookSize);
  for (let first = 0; first < codebookSize; first += ROWS_AT_ONCE) {
    const count = Math.min(ROWS_AT_ONCE, codebookSize - first);
    const piece = new Float32Array(count * width);
    for (let i = 0; i < count; i++) {
      const own = piece.subarray(i * width, (i + 1) * width);
      if (row === null) own.set(mean);
      else if (row.absolute) own.set(row.of(first + i));
      else {
        const offset = row.of(first + i);
        for (let j = 0; j < width; j++) own[j] = mean[j]! + deviation * offset[j]!;
      }
    }
    yield piece;
  }
}

/** Rows as they are, or offsets of deviation 1 from the mean; null where all are the mean. */
type RowMaker = { readonly absolute: boolean; of(id: number): Float32Array } | null;

function rowMaker(kind: "embeddings" | "output", rows: NewRows, width: number, codebookSize: number): RowMaker {
  if (rows === "mean") return null;
  if ("codebook" in rows) {
    const unit = codebookOffsets(rows.codebook, codebookSize, width, rows.seed ?? 0);
    return { absolute: false, of: unit };
  }
  const given = kind === "embeddings" ? rows.embeddings : rows.output;
  if (given === undefined) {
    throw expectedBut("INVALID_ARGUMENT", "`output` too", "rows of a model with an output layer of its own", "none");
  }
  if (!(given instanceof Float32Array) || given.length !== codebookSize * width) {
    const received = given instanceof Float32Array ? `${given.length} numbers` : describe(given);
    throw expectedBut("INVALID_ARGUMENT", `${codebookSize} x ${width} numbers`, `rows.${kind}`, received);
  }
  return { absolute: true, of: (id) => given.subarray(id * width, (id + 1) * width) };
}

/** The codebook's rows around its mean, projected to `width`, their numbers of deviation 1 over all of them. */
function codebookOffsets(codebook: Float32Array, codebookSize: number, width: number, seed: number) {
  if (!(codebook instanceof Float32Array) || codebook.length === 0 || codebook.length % codebookSize !== 0) {
    const received = codebook instanceof Float32Array ? `${codebook.length} numbers` : describe(codebook);
    throw expectedBut("INVALID_ARGUMENT", `${codebookSize} rows of one width`, "rows.codebook", received);
  }
  const dim = codebook.length / codebookSize;
  const centre = new Float64Array(dim);
  for (const [i, value] of codebook.entries()) centre[i % dim]! += value / codebookSize;
  const project = dim === width ? null : sparseProjection(dim, width, seed);
  const centred = new Float32Array(dim);
  const out = new Float32Array(width);
  const rowOf = (id: number): Float32Array => {
    for (let i = 0; i < dim; i++) centred[i] = codebook[id * dim + i]! - centre[i]!;
    if (project === null) return centred;
    project(centred, out);
    return out;
  };
  let squares = 0;
  for (let id = 0; id < codebookSize; id++) for (const value of rowOf(id)) squares += value * value;
  const scale = squares === 0 ? 0 : 1 / Math.sqrt(squares / (codebookSize * width));
  return (id: number): Float32Array => rowOf(id).map((value) => value * scale);
}

/** Numbers of the input that each output is the signed sum of. */
const TERMS = 16;

function sparseProjection(dim: number, width: number, seed: number) {
  const random = uniformNumbers(seed);
  const terms = Math.min(TERMS, dim);
  const places = Int32Array.from({ length: width * terms }, () => Math.floor(random() * dim));
  const signs = Float32Array.from(places, () => (random() < 0.5 ? -1 : 1));
  return (input: Float32Array, output: Float32Array): void => {
    for (let i = 0; i < width; i++) {
      let sum = 0;
      for (let j = i * terms; j < (i + 1) * terms; j++) sum += signs[j]! * input[places[j]!]!;
      output[i] = sum;
    }
  };
}
