import { openParquet, readRows } from "./parquet.ts";

/** A parquet file whose columns are read as they are. */
export interface ParquetTable {
  /** Names of all columns. */
  readonly columns: readonly string[];
  readonly rowCount: number;
  /** What its writer says about the file. */
  readonly metadata: ReadonlyMap<string, string>;
  /** The cells of `columns`, a row at a time; one row group is held. @throws INVALID_DATA, IO_ERROR */
  rows(columns: readonly string[]): AsyncGenerator<Readonly<Record<string, unknown>>>;
}

/** Opens a parquet file of any columns. @throws INVALID_DATA for what is no parquet file, IO_ERROR */
export async function openParquetTable(path: string): Promise<ParquetTable> {
  const { file, metadata, names } = await openParquet(path, []);
  return {
    columns: names,
    rowCount: Number(metadata.num_rows),
    metadata: new Map((metadata.key_value_metadata ?? []).map(({ key, value }) => [key, value ?? ""])),
    async *rows(columns) {
      let rowStart = 0;
      for (const group of metadata.row_groups) {
        const rowEnd = rowStart + Number(group.num_rows);
        yield* await readRows(path, { file, metadata, columns: [...columns], rowStart, rowEnd });
        rowStart = rowEnd;
      }
    },
  };
}
