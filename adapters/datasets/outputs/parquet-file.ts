import { ByteWriter, type ColumnSource, ParquetWriter } from "hyparquet-writer";
import type { HashedFile } from "./hashed-file.ts";

export type SchemaElement = ConstructorParameters<typeof ParquetWriter>[0]["schema"][number];

/** A row group is encoded in one turn of the event loop: this bounds its rows, the numbers in their lists, and their bytes. */
const MAX_GROUP_ROWS = 1000;
const MAX_GROUP_NUMBERS = 2 ** 15;
const MAX_GROUP_BYTES = 4 * 1024 * 1024;

/** What a row has at most. */
export interface RowSize {
  /** In its lists: ids, or pooled features. */
  readonly numbers: number;
  /** Of ids and features. */
  readonly bytes: number;
}

/** How many rows make a group. */
export const groupRowsOf = ({ numbers, bytes }: RowSize): number =>
  Math.max(
    1,
    Math.min(
      MAX_GROUP_ROWS,
      Math.floor(MAX_GROUP_NUMBERS / Math.max(1, numbers)),
      Math.floor(MAX_GROUP_BYTES / Math.max(1, bytes)),
    ),
  );

/** A parquet file that is written a row group at a time. Nothing of the run is in it. */
export interface ParquetFile {
  /** At most `groupRows` rows, as one group. */
  write(columns: ColumnSource[], groupRows: number): Promise<void>;
  finish(): Promise<void>;
}

/** @param notes key and value of what the file says about itself, as JSON */
export function parquetFile(
  file: HashedFile,
  schema: SchemaElement[],
  notes: { readonly key: string; readonly value: object },
): ParquetFile {
  const bytes = new ByteWriter();
  const parquet = new ParquetWriter({
    writer: bytes,
    schema,
    kvMetadata: [{ key: notes.key, value: JSON.stringify(notes.value) }],
    createdBy: "vqrae",
  });
  const flush = async (): Promise<void> => {
    await file.append(bytes.getBytes());
    bytes.index = 0;
  };
  return {
    async write(columnData, rowGroupSize) {
      await parquet.write({ columnData, rowGroupSize });
      await flush();
    },
    async finish() {
      await parquet.finish();
      await flush();
    },
  };
}
