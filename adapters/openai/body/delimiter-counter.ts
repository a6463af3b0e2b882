const BOUNDARY = /;\s*boundary=(?:"([^"]+)"|([^;\s]+))/i;
const DASHES = Buffer.from("--");

/** Counts the parts of a multipart body by what stands before each, as its bytes come. */
export class DelimiterCounter {
  readonly #delimiter: Buffer;
  /** What may be the beginning of one. A body's first delimiter has no line before it. */
  #rest = Buffer.from("\r\n");
  #ended = false;
  /** So far, without the last one, which ends the body. */
  count = 0;

  constructor(contentType: string) {
    const [, quoted, plain] = BOUNDARY.exec(contentType) ?? [];
    this.#delimiter = Buffer.from(`\r\n--${quoted ?? plain ?? ""}`, "latin1");
  }

  push(part: Uint8Array): void {
    if (this.#ended) return;
    const bytes = Buffer.concat([this.#rest, part]);
    const { length } = this.#delimiter;
    let start = 0;
    for (;;) {
      const at = bytes.indexOf(this.#delimiter, start);
      // Two bytes behind it say whether it is the last.
      if (at < 0 || at + length + DASHES.length > bytes.length) break;
      start = at + length;
      this.#ended = bytes.subarray(start, start + DASHES.length).equals(DASHES);
      if (this.#ended) return;
      this.count += 1;
    }
    this.#rest = bytes.subarray(Math.max(start, bytes.length - length - 1));
  }
}
