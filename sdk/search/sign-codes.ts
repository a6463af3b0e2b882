import type { CodeTables } from "./code-tables.ts";

/** A codebook whose codes are all sequences of +1 and -1, such as that of lookup-free quantization (arXiv 2310.05737). */
export interface SignCodes {
  readonly metric: "signs";
  /** Bits of a code. */
  readonly dim: number;
  /** Whether the first number decides the most significant bit, or the least. */
  readonly firstBit: "most" | "least";
}

/** A codebook for each of a token's codes: the first vector of a token is compared with the first, and so on. */
export interface PartedCodes {
  readonly metric: "parts";
  readonly parts: readonly CodeTables[];
}

/** Codes that the quantizer's graph finds itself, each scale's of what those before it leave. */
export interface ResidualCodes {
  readonly metric: "residual";
}

/** What finds a codebook's ids. */
export type Codes = CodeTables | SignCodes | PartedCodes | ResidualCodes;

/**
 * The nearest code of each vector: a bit is 1 where its number is above zero.
 * @param vectors [t, dim]; at most 31 bits
 */
export function nearestSigns(vectors: Float32Array, { dim, firstBit }: SignCodes): Int32Array {
  const ids = new Int32Array(vectors.length / dim);
  for (let t = 0; t < ids.length; t++) {
    let id = 0;
    for (let i = 0; i < dim; i++) {
      const bit = firstBit === "most" ? dim - 1 - i : i;
      if ((vectors[t * dim + i] ?? 0) > 0) id |= 1 << bit;
    }
    ids[t] = id;
  }
  return ids;
}
