/** Thrown where the bytes at hand end inside a value; the reader then fetches more, or reports a truncated file. */
export class OutOfBytes extends Error {}

/** Reads little-endian values one after the other. */
export class Cursor {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  position = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Moves over the next `count` bytes and returns where they began. */
  skip(count: number): number {
    const start = this.position;
    if (count > this.bytes.length - start) throw new OutOfBytes();
    this.position += count;
    return start;
  }

  uint32(): number {
    return this.view.getUint32(this.skip(4), true);
  }

  uint64(): bigint {
    return this.view.getBigUint64(this.skip(8), true);
  }
}
