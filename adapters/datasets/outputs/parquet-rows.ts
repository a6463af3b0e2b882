import type { ColumnSource } from "hyparquet-writer";
import { widenF16 } from "../../../sdk/kit.ts";
import type { HashedFile } from "./hashed-file.ts";
import { groupRowsOf, parquetFile, type RowSize, type SchemaElement } from "./parquet-file.ts";
import type { Row, RowWriter } from "./row.ts";

/** What the rows of one shard hold. */
export interface RowShape {
  /** Codes of a tokenizer: from 0 to `codes - 1`; null without ids. */
  readonly codes: number | null;
  readonly features: "pooled" | "whole" | null;
  readonly size: RowSize;
  /** What a reader needs to give the lists their shape, as JSON under the key "vqrae". */
  readonly about: object;
}

/**
 * Rows as a parquet file: key, sha256, width, height, grid [rows, columns], ids and, where they are asked for, features; or error.
 * The same rows give the same bytes: groups are cut by count, and nothing of the run is in the file.
 */
export function parquetRows(file: HashedFile, shape: RowShape): RowWriter {
  const parquet = parquetFile(file, schemaOf(shape), { key: "vqrae", value: shape.about });
  const groupRows = groupRowsOf(shape.size);
  let waiting: Row[] = [];
  const write = (rows: readonly Row[]): Promise<void> => parquet.write(columnsOf(rows, shape), groupRows);
  return {
    async add(rows) {
      waiting.push(...rows);
      while (waiting.length >= groupRows) {
        await write(waiting.slice(0, groupRows));
        waiting = waiting.slice(groupRows);
      }
    },
    async finish() {
      if (waiting.length > 0) await write(waiting);
      await parquet.finish();
    },
  };
}

const list = (name: string, element: Omit<SchemaElement, "name">): SchemaElement[] => [
  { name, repetition_type: "OPTIONAL", num_children: 1, converted_type: "LIST", logical_type: { type: "LIST" } },
  { name: "list", repetition_type: "REPEATED", num_children: 1 },
  { name: "element", repetition_type: "REQUIRED", ...element },
];

const text = (name: string, repetition_type: "REQUIRED" | "OPTIONAL"): SchemaElement => ({
  name,
  type: "BYTE_ARRAY",
  converted_type: "UTF8",
  logical_type: { type: "STRING" },
  repetition_type,
});

function schemaOf({ codes, features }: RowShape): SchemaElement[] {
  const columns: SchemaElement[][] = [
    [text("key", "REQUIRED")],
    [text("sha256", "REQUIRED")],
    [{ name: "width", type: "INT32", repetition_type: "OPTIONAL" }],
    [{ name: "height", type: "INT32", repetition_type: "OPTIONAL" }],
    list("grid", { type: "INT32" }),
    codes === null ? [] : list("ids", idElement(codes)),
    features === null ? [] : featureColumn(features),
    [text("error", "OPTIONAL")],
  ];
  const filled = columns.filter((column) => column.length > 0);
  return [{ name: "root", num_children: filled.length }, ...filled.flat()];
}

/** The narrowest type that readers have: numpy gets uint8, uint16 or int32. */
function idElement(codes: number): Omit<SchemaElement, "name"> {
  if (codes <= 2 ** 8) return { type: "INT32", converted_type: "UINT_8" };
  if (codes <= 2 ** 16) return { type: "INT32", converted_type: "UINT_16" };
  return { type: "INT32" };
}

/** Pooled features are a list of numbers, as vector stores read them; whole ones the bytes of f16 numbers, little-endian. */
function featureColumn(features: "pooled" | "whole"): SchemaElement[] {
  if (features === "whole") return [{ name: "features", type: "BYTE_ARRAY", repetition_type: "OPTIONAL" }];
  return list("features", { type: "FIXED_LEN_BYTE_ARRAY", type_length: 2, logical_type: { type: "FLOAT16" } });
}

/** In this encoding ids take half the bytes of plain numbers of 32 bits, and half the time. */
const idsColumn = (rows: readonly Row[]): ColumnSource => ({
  name: "ids",
  data: rows.map(({ tokens }) => tokens?.ids && Array.from(tokens.ids)),
  encoding: "DELTA_BINARY_PACKED",
});

function columnsOf(rows: readonly Row[], { codes, features }: RowShape): ColumnSource[] {
  const column = (name: string, value: (row: Row) => unknown): ColumnSource => ({ name, data: rows.map(value) });
  return [
    column("key", ({ key }) => key),
    column("sha256", ({ sha256 }) => sha256),
    column("width", ({ tokens }) => tokens?.width ?? null),
    column("height", ({ tokens }) => tokens?.height ?? null),
    column("grid", ({ tokens }) => tokens && [tokens.grid.rows, tokens.grid.columns]),
    ...(codes === null ? [] : [idsColumn(rows)]),
    ...(features === null ? [] : [column("features", ({ tokens }) => featureCell(tokens?.features ?? null, features))]),
    column("error", ({ error }) => error),
  ];
}

function featureCell(bits: Uint16Array | null, features: "pooled" | "whole"): Uint8Array | number[] | null {
  if (bits === null) return null;
  if (features === "pooled") return Array.from(widenF16(bits));
  return new Uint8Array(bits.buffer, bits.byteOffset, bits.byteLength);
}
