import { expectedBut, isObject } from "../../../sdk/kit.ts";
import { type InputOptions, keyAndExtension, MAX_MEMBER_BYTES, type Member, NOTHING, sha256Of } from "./member.ts";

/** Names that data sets of the hub, and those that img2dataset and webdataset write, give their columns. */
const IMAGE_COLUMNS = ["image", "img", "jpg", "jpeg", "png", "webp", "image_bytes", "bytes"];
const KEY_COLUMNS = ["__key__", "key", "id", "image_id", "file_name", "filename"];

/** The images of a parquet file, in its order; one row group is held at a time. @throws INVALID_DATA, IO_ERROR */
export async function* parquetMembers(path: string, { imageColumn, keyColumn }: InputOptions): AsyncGenerator<Member> {
  const { openParquetTable } = await import("../../benchmarks/index.ts");
  const table = await openParquetTable(path);
  const image = columnOf(
    path,
    table.columns,
    imageColumn ?? IMAGE_COLUMNS.find((name) => table.columns.includes(name)),
  );
  const named = keyColumn ?? KEY_COLUMNS.find((name) => table.columns.includes(name));
  const key = named === undefined ? undefined : columnOf(path, table.columns, named);
  let number = 0;
  for await (const row of table.rows(key === undefined ? [image] : [image, key])) {
    const cell = row[image];
    const bytes = bytesOf(cell);
    const own = key === undefined ? pathOf(cell) : textOf(row[key]);
    yield {
      key: own ?? String(number).padStart(9, "0"),
      sha256: sha256Of(bytes ?? NOTHING),
      content: bytes === null ? "NO_BYTES" : bytes.length > MAX_MEMBER_BYTES ? "FILE_TOO_LARGE" : bytes,
    };
    number++;
  }
}

function columnOf(path: string, columns: readonly string[], name: string | undefined): string {
  if (name !== undefined && columns.includes(name)) return name;
  const received = columns.join(", ");
  throw expectedBut(
    "INVALID_DATA",
    name === undefined ? "a column with images" : `the column ${name}`,
    path,
    received,
    {
      path,
      mend: "Name it with imageColumn (--image-column) or keyColumn (--key-column).",
    },
  );
}

/** The bytes of a cell: as they are, or as `datasets` stores an image, `{ bytes, path }`; null where there are none. */
function bytesOf(cell: unknown): Uint8Array | null {
  const bytes = isObject(cell) && !(cell instanceof Uint8Array) ? cell.bytes : cell;
  return bytes instanceof Uint8Array && bytes.length > 0 ? bytes : null;
}

function pathOf(cell: unknown): string | undefined {
  const path = isObject(cell) ? textOf(cell.path) : undefined;
  return path === undefined ? undefined : (keyAndExtension(path)?.key ?? path);
}

const textOf = (value: unknown): string | undefined => {
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  return typeof value === "string" || typeof value === "number" || typeof value === "bigint"
    ? String(value)
    : undefined;
};
