import { ByteWriter, type ColumnSource, ParquetWriter } from "hyparquet-writer";
import type { HashedFile } from "./hashed-file.ts";

export type SchemaElement = ConstructorParameters<typeof ParquetWriter>[0]["schema"][number];

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
