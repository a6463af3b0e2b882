import type { ImageIds, TokenGrid } from "../../../sdk/index.ts";

/** What a member became. Of `tokens` and `error` one is null. */
export interface Row {
  readonly key: string;
  readonly sha256: string;
  readonly tokens: RowTokens | null;
  /** A code alone: words of a decoder may differ from run to run, and a row is a function of its image. */
  readonly error: string | null;
  /** The words, for the list of what was lost. */
  readonly reason: string | null;
}

export interface RowTokens {
  /** In pixels, after the image is turned as its EXIF says. */
  readonly width: number;
  readonly height: number;
  /** Of each view. */
  readonly grid: TokenGrid;
  /** [views, tokens, codes], row-major; null for an encoder without a codebook. */
  readonly ids: ImageIds | null;
  /** f16 bits: [views, dim] for pooled features, [views, tokens, dim] for whole ones; null where none are asked for. */
  readonly features: Uint16Array | null;
}

/** Where rows go, in their order. */
export interface RowWriter {
  add(rows: readonly Row[]): Promise<void>;
  finish(): Promise<void>;
}
