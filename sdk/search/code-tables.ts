/**
 * What makes a code the one of a vector z: the least |z - e|, or the largest z·e, whatever the codes' lengths (IBQ, arXiv 2412.02692).
 * For the largest cosine, both are brought to unit length before.
 */
export type CodeMetric = "distance" | "product";

/** What the search knows of a codebook, made once for all workers. */
export interface CodeTables {
  readonly metric: CodeMetric;
  /** K */
  readonly size: number;
  /** e */
  readonly dim: number;
  /** E: [K, e], finite. */
  readonly codes: Float32Array;
  /** [K], -|e|²/2; zeros for the product */
  readonly offsets: Float32Array;
  /** Largest |e|. */
  readonly norm: number;
  /** A cheaper way to a shortlist, where the codebook has one. */
  readonly filter: ProjectedCodes | Int8Codes | null;
}

interface Filter {
  /** [e], subtracted from codes and vectors alike: distances stay, lengths shrink. Zeros for the product, which would not stay. */
  readonly center: Float64Array;
  /** [K], -|e - center|²/2; zeros for the product */
  readonly offsets: Float32Array;
  /** Largest |e - center|. */
  readonly norm: number;
  /** Largest length that the filter leaves out of a code. */
  readonly residual: number;
}

/** The codes' coordinates along the few directions in which nearly all of them lie. */
export interface ProjectedCodes extends Filter {
  readonly kind: "projected";
  readonly rank: number;
  /** [e, rank], orthonormal columns. */
  readonly axes: Float64Array;
  /** Bounds what `axes` lacks to orthonormality, and float64's rounding, relative. */
  readonly slack: number;
  /** [K, rank] */
  readonly coordinates: Float32Array;
}

/** The codes rounded to int8. */
export interface Int8Codes extends Filter {
  readonly kind: "int8";
  /** [e, K] */
  readonly integers: Int8Array;
  /** [K] */
  readonly scales: Float32Array;
}

/** The tables with every array in memory that threads share. */
export const shareTables = (tables: CodeTables): CodeTables => copyArrays(tables, SharedArrayBuffer);

/** The tables with every array in memory of this thread's own. */
export const ownTables = (tables: CodeTables): CodeTables => copyArrays(tables, ArrayBuffer);

type NumberArray = Float32Array | Float64Array | Int8Array;

function copyArrays<T extends object>(tables: T, Memory: new (bytes: number) => ArrayBufferLike): T {
  const copy = (value: unknown): unknown => {
    if (!ArrayBuffer.isView(value))
      return value !== null && typeof value === "object" ? copyArrays(value, Memory) : value;
    const array = value as NumberArray;
    const target = new (array.constructor as new (buffer: ArrayBufferLike) => NumberArray)(
      new Memory(array.byteLength),
    );
    target.set(array);
    return target;
  };
  return Object.fromEntries(Object.entries(tables).map(([name, value]) => [name, copy(value)])) as T;
}
