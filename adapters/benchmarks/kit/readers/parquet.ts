import { basename } from "node:path";
import { setImmediate } from "node:timers/promises";
import { unzipSync, zstdDecompressSync } from "node:zlib";
import {
  type AsyncBuffer,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
} from "hyparquet";
import { compressors as knownCompressors } from "hyparquet-compressors";
import { expected, expectedBut, isObject } from "../../../../sdk/kit.ts";
import type { QuestionImage } from "../../benchmark.ts";
import { guardedFile } from "./parquet-guard.ts";
import { cannotRead } from "./reading.ts";
import { Row } from "./row.ts";

type Compressor = (input: Uint8Array, length: number) => Uint8Array;

/**
 * Of hyparquet-compressors', that of gzip gives a longer page without its rest, and that of zstd goes on for as long as the page
 * likes. Node has zstd from 22.15 on.
 */
const bounded =
  (decompress: (input: Uint8Array, options: { maxOutputLength: number }) => Uint8Array): Compressor =>
  (input, maxOutputLength) =>
    new Uint8Array(decompress(input, { maxOutputLength }));
const zstd = typeof zstdDecompressSync === "function" ? { ZSTD: bounded(zstdDecompressSync) } : {};

/** hyparquet-compressors takes LZ4's form of nothing, one byte, for a damaged block: pages of missing values alone have it. */
const compressors: typeof knownCompressors = Object.fromEntries(
  Object.entries({ ...knownCompressors, GZIP: bounded(unzipSync), ...zstd }).map(([codec, decompress]) => [
    codec,
    (input, length) => (length === 0 ? new Uint8Array() : decompress(input, length)),
  ]),
);

/** A row, and its images by the name of their column. */
export interface ParquetRow {
  readonly row: Row;
  /** The image in a column; `bytes` throws INVALID_DATA if the row has none. */
  image(column: string): QuestionImage;
}

/**
 * The rows of parquet files of the Hugging Face hub, whose images are { bytes, path }. One row group is held at a time,
 * its images only once one of them is asked for.
 * @throws INVALID_DATA for what is no parquet file, or lacks a column; IO_ERROR
 */
export async function* parquetRows(
  paths: readonly string[],
  columns: readonly string[],
  imageColumns: readonly string[],
): AsyncGenerator<ParquetRow> {
  for (const path of paths) {
    const { file, metadata, names } = await openParquet(path, [...columns, ...imageColumns]);
    const plain = names.filter((name) => !imageColumns.includes(name));
    let first = 0;
    for (const group of metadata.row_groups) {
      const [rowStart, rowEnd] = [first, first + Number(group.num_rows)];
      const read = (wanted: readonly string[]) =>
        readRows(path, { file, metadata, columns: [...wanted], rowStart, rowEnd });
      let images: Promise<Record<string, unknown>[]> | undefined;
      const cell = async (i: number, column: string) => (await (images ??= read(imageColumns)))[i]?.[column];
      for (const [i, fields] of (await read(plain)).entries()) {
        const at = `${basename(path)}, row ${rowStart + i + 1}`;
        yield {
          row: new Row(at, fields),
          image: (column) => ({ at, bytes: async () => imageBytes(at, column, await cell(i, column)) }),
        };
      }
      first = rowEnd;
    }
  }
}

/** The encoded file in a cell; a list has one. */
export function imageBytes(at: string, column: string, cell: unknown): Uint8Array {
  const one = Array.isArray(cell) ? cell[0] : cell;
  const bytes = isObject(one) ? one.bytes : undefined;
  if (bytes instanceof Uint8Array && bytes.length > 0) return bytes;
  throw expected("INVALID_DATA", "an image's bytes", `${column} in ${at}`, one);
}

interface Parquet {
  readonly file: AsyncBuffer;
  readonly metadata: FileMetaData;
  /** Names of all columns. */
  readonly names: readonly string[];
}

/** @throws INVALID_DATA for what is no parquet file, or lacks one of `columns` */
export async function openParquet(path: string, columns: readonly string[]): Promise<Parquet> {
  const { file, metadata, names } = await opened(path);
  const missing = columns.filter((name) => !names.includes(name));
  if (missing.length === 0) return { file, metadata, names };
  const received = `${names.slice(0, 30).join(", ")}: ${missing.join(", ")} missing`;
  throw expectedBut("INVALID_DATA", `the columns ${columns.join(", ")}`, path, received);
}

async function opened(path: string): Promise<Parquet> {
  try {
    const file = await guardedFile(path);
    const metadata = await parquetMetadataAsync(file);
    file.guardPages(metadata);
    return { file, metadata, names: parquetSchema(metadata).children.map(({ element }) => columnName(element)) };
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function columnName({ name }: { readonly name: unknown }): string {
  if (typeof name === "string") return name;
  throw new Error("a column without a name");
}

interface RowRange {
  readonly file: AsyncBuffer;
  readonly metadata: FileMetaData;
  readonly columns: string[];
  readonly rowStart: number;
  readonly rowEnd: number;
}

export async function readRows(path: string, range: RowRange): Promise<Record<string, unknown>[]> {
  let failed = false;
  let fail: (cause: unknown) => void = () => {};
  const failure = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failure.catch(() => {});
  // hyparquet leaves reads behind when a column's plan throws. Their rejections would be nobody's, so no read rejects:
  // the first that fails ends the race below, and what waits for it is dropped.
  const file: AsyncBuffer = {
    byteLength: range.file.byteLength,
    async slice(start, end) {
      const [read] = await Promise.allSettled([range.file.slice(start, end), setImmediate()]);
      if (read.status === "rejected") fail(read.reason);
      if (failed || read.status === "rejected") return new Promise<never>(() => {});
      return read.value;
    },
  };
  try {
    return await Promise.race([parquetReadObjects({ ...range, file, compressors, utf8: false }), failure]);
  } catch (cause) {
    failed = true;
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown) {
  if (!(cause instanceof Error) || "syscall" in cause) return cannotRead("a parquet file", path, cause);
  return expectedBut("INVALID_DATA", "a parquet file", path, cause.message, { path, cause });
}
