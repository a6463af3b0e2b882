/** A body, read. An image that it held is a key of `images` wherever it stood. */
export interface SentBody {
  readonly json: unknown;
  readonly images: ReadonlyMap<string, SentImage>;
}

export interface SentImage {
  /** Put together in steps that let others go on; null for what is no base64. */
  bytes(): Promise<Uint8Array<ArrayBuffer> | null>;
}
