import type { AsyncBuffer, FileMetaData } from "hyparquet";
import { openRegularFile } from "../../../../sdk/kit.ts";
import { intoStruct, type Struct } from "./thrift.ts";

/** A footer ends with its length and "PAR1". */
const FOOTER_END_BYTES = 8;
/** Footers take some hundred bytes a column of a row group. */
const MAX_FOOTER_BYTES = 64 * 1024 * 1024;
/** Of a file: all of them are held where one is looked for. Rows and values take a hundred times what they take in the file. */
const MAX_ROWS = 4_000_000;
/** Of a column in a row group. */
const MAX_VALUES = 8_000_000;
/** What pages may take more than their file holds, in bytes and for each byte: a page of zeros compresses 30,000 times. */
const [MORE_BYTES, MORE_TIMES] = [64 * 2 ** 20, 32];
/** Each value goes on with the one before it: a short page can stand for the square of its bytes. */
const DELTA_BYTE_ARRAY = 7;

/** A parquet file whose structure is checked before hyparquet follows it: with a negative length it would walk in circles. */
export interface GuardedFile extends AsyncBuffer {
  /** Checks the pages of each column that is read from now on. */
  guardPages(metadata: FileMetaData): void;
}

/** A column of a row group: where its pages lie in the file. */
interface Chunk {
  readonly start: number;
  readonly end: number;
  readonly values: number;
}

/** @throws an error for a footer that is none, and what the system says; each `slice` for pages that lead nowhere */
export async function guardedFile(path: string): Promise<GuardedFile> {
  const { handle, status } = await openRegularFile(path);
  await handle.close();
  const byteLength = status.size;
  let chunks: readonly Chunk[] = [];
  const slice = async (start: number, end = byteLength): Promise<ArrayBuffer> => {
    if (!(start >= 0 && start <= end && end <= byteLength))
      throw new Error(`bytes ${start} to ${end} of ${byteLength}`);
    const bytes = await readBytes(path, start, end - start);
    for (const chunk of chunks) {
      if (chunk.start >= start && chunk.end <= end)
        checkPages(bytes.subarray(chunk.start - start, chunk.end - start), chunk);
    }
    return bytes.buffer;
  };
  await checkFooter(path, byteLength);
  return {
    byteLength,
    slice,
    guardPages(metadata) {
      chunks = chunksOf(metadata, byteLength);
    },
  };
}

async function readBytes(path: string, start: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const { handle } = await openRegularFile(path);
  try {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const { bytesRead } = await handle.read(bytes, done, length - done, start + done);
      if (bytesRead === 0) throw new Error(`a file that ends after ${start + done} bytes`);
      done += bytesRead;
    }
    return bytes;
  } finally {
    await handle.close();
  }
}

async function checkFooter(path: string, size: number): Promise<void> {
  if (size < FOOTER_END_BYTES) throw new Error("parquet file is too short");
  const end = await readBytes(path, size - FOOTER_END_BYTES, FOOTER_END_BYTES);
  const view = new DataView(end.buffer);
  if (view.getUint32(4, true) !== 0x31524150) throw new Error("parquet file invalid (footer != PAR1)");
  const length = view.getUint32(0, true);
  if (length > Math.min(size - FOOTER_END_BYTES, MAX_FOOTER_BYTES)) {
    throw new Error(`parquet metadata of ${length} bytes in a file of ${size}`);
  }
  intoStruct(await readBytes(path, size - FOOTER_END_BYTES - length, length));
}

function chunksOf({ row_groups: groups }: FileMetaData, size: number): Chunk[] {
  let all = 0n;
  return groups.flatMap(({ num_rows: rows, columns }) => {
    all += rows;
    if (rows < 0n || all > MAX_ROWS) throw new Error(`${rows < 0n ? rows : all} rows (at most ${MAX_ROWS} are read)`);
    return columns.map(({ meta_data: column }) => {
      if (column === undefined) throw new Error("a column without metadata");
      const { dictionary_page_offset: dictionary, data_page_offset: data } = column;
      const start = Number(dictionary !== undefined && dictionary > 0n && dictionary < data ? dictionary : data);
      const end = start + Number(column.total_compressed_size);
      const values = Number(column.num_values);
      if (!(start >= 0 && end >= start && end <= size))
        throw new Error(`a column from byte ${start} to ${end} of ${size}`);
      if (!(values >= 0 && values <= MAX_VALUES)) throw new Error(`a column of ${values} values`);
      return { start, end, values };
    });
  });
}

/** Walks from page to page by their headers; what the pages hold is hyparquet's. */
function checkPages(bytes: Uint8Array, { values }: Chunk): void {
  const most = MORE_BYTES + MORE_TIMES * bytes.length;
  let [offset, count, sum] = [0, 0, 0];
  while (offset < bytes.length - 1 && count < values) {
    const { struct, end } = intoStruct(bytes.subarray(offset));
    const [whole, stored] = [numberAt(struct, 2), numberAt(struct, 3)];
    const own = [5, 7, 8].map((field) => structAt(struct, field)).find((header) => header !== undefined);
    const held = own === undefined ? 0 : numberAt(own, 1);
    if (!(whole >= 0)) throw new Error(`a page of ${whole} bytes`);
    sum += encodingOf(struct) === DELTA_BYTE_ARRAY ? whole * Math.max(1, held) : whole;
    if (sum > most)
      throw new Error(`a column of ${bytes.length} bytes that stands for ${sum} (at most ${most} are read)`);
    if (!(stored >= 0 && offset + end + stored <= bytes.length)) throw new Error(`a page of ${stored} stored bytes`);
    if (!(held >= 0 && held <= values)) throw new Error(`a page of ${held} of ${values} values`);
    if (structAt(struct, 7) === undefined) count += held;
    offset += end + stored;
  }
}

/** Of the values in a page; its second form has it elsewhere. */
const encodingOf = (page: Struct): number => {
  const [first, second] = [structAt(page, 5), structAt(page, 8)];
  return numberAt(first ?? new Map(), 2) || numberAt(second ?? new Map(), 4);
};

const numberAt = (struct: Struct, field: number): number => {
  const value = struct.get(field);
  return typeof value === "number" ? value : Number.NaN;
};

const structAt = (struct: Struct, field: number): Struct | undefined => {
  const value = struct.get(field);
  return value instanceof Map ? value : undefined;
};
