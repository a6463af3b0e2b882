import { expectedBut } from "../../../sdk/kit.ts";
import type { EmbeddingBatch } from "../native/llama-library.ts";
import type { ContextInternals, DecodeRequest } from "../native/node-llama-cpp.ts";
import type { ImageLibrary } from "./image-library.ts";
import { gridPositions, linePositions } from "./positions.ts";
import type { Run } from "./runs.ts";

/** A part of a request that is decoded after what stands before it. */
export interface DecodeStep {
  readonly start: number;
  readonly end: number;
  /** null for text that node-llama-cpp decodes. */
  readonly rows: EmbeddingRows | null;
}

export interface EmbeddingRows {
  /** Each [n, embeddingDim]; they follow each other. */
  readonly parts: readonly Float32Array[];
  /** [rows], or [4, rows] for a model with several axes. */
  readonly positions: Int32Array;
  readonly fullAttention: boolean;
  /** Whether what stands beside it may share its batches: each row at a position of its own, after all before it. */
  readonly joins: boolean;
}

type Sizes = Pick<ContextInternals, "hasMultiAxisPositions" | "embeddingDim">;

/**
 * @throws CONTEXT_OVERFLOW for an image that must be whole and is not; UNSUPPORTED for one at whose end something is to
 *   be generated
 */
export function stepOf(
  { hasMultiAxisPositions, embeddingDim }: Sizes,
  library: ImageLibrary,
  { logits, firstTokenSequenceIndex }: DecodeRequest,
  { start, end, image }: Run,
): DecodeStep {
  if (image === null) return { start, end, rows: null };
  const { places, index } = image;
  const { attention } = places;
  if (logits.slice(start, end).some(Boolean)) {
    const received = "an image at its end";
    throw expectedBut("UNSUPPORTED", "text after the image", "what is generated from", received);
  }
  const whole = index === 0 && end - start === places.positions;
  if ((attention === "full" || hasMultiAxisPositions) && !whole) {
    const why = attention === "full" ? "whose embeddings attend to each other" : "whose positions have several axes";
    const received = `${end - start} of its ${places.positions} positions`;
    const mend = "The context is full. Create it with a larger contextSize.";
    throw expectedBut("CONTEXT_OVERFLOW", `the whole of an image ${why}`, "the context", received, mend);
  }
  const data = library.embeddingsOf(places);
  const begin = firstTokenSequenceIndex + start;
  const fullAttention = attention === "full";
  if (hasMultiAxisPositions) {
    const positions = gridPositions(begin, places);
    return { start, end, rows: { parts: [data], positions, fullAttention, joins: false } };
  }
  const own = data.subarray(index * embeddingDim, (index + end - start) * embeddingDim);
  const positions = linePositions(begin, end - start);
  return { start, end, rows: { parts: [own], positions, fullAttention, joins: !fullAttention } };
}

/** The rows of a step in batches of at most `microBatchSize`. */
export function* batchesOf(
  { parts, positions }: EmbeddingRows,
  { microBatchSize, embeddingDim }: Pick<ContextInternals, "microBatchSize" | "embeddingDim">,
  sequenceId: number,
): Generator<EmbeddingBatch> {
  const rows = parts.reduce((sum, part) => sum + part.length, 0) / embeddingDim;
  const axes = positions.length / rows;
  for (let from = 0; from < rows; from += microBatchSize) {
    const count = Math.min(microBatchSize, rows - from);
    const own = new Int32Array(axes * count);
    for (let axis = 0; axis < axes; axis++) {
      const offset = axis * rows + from;
      own.set(positions.subarray(offset, offset + count), axis * count);
    }
    const data = joined(parts, from * embeddingDim, (from + count) * embeddingDim);
    yield { count, data, positions: own, sequenceId };
  }
}

/** Numbers `from` to `to` of `parts`, copied only where several parts have some. */
function joined(parts: readonly Float32Array[], from: number, to: number): Float32Array {
  const pieces: Float32Array[] = [];
  let start = 0;
  for (const part of parts) {
    const [begin, end] = [Math.max(from, start) - start, Math.min(to, start + part.length) - start];
    if (begin < end) pieces.push(part.subarray(begin, end));
    start += part.length;
  }
  const [first, ...others] = pieces;
  if (first !== undefined && others.length === 0) return first;
  const all = new Float32Array(to - from);
  let filled = 0;
  for (const piece of pieces) {
    all.set(piece, filled);
    filled += piece.length;
  }
  return all;
}
