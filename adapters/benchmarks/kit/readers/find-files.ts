import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { expectedBut } from "../../../../sdk/kit.ts";
import { reading } from "./reading.ts";

/**
 * The file itself, or the files below a folder whose path in it matches, sorted.
 * @param what the files are, for messages
 * @throws INVALID_DATA if there is none, IO_ERROR if the system refuses
 */
export async function findFiles(path: string, pattern: RegExp, what: string): Promise<string[]> {
  const entry = await reading(what, path, () => stat(path));
  if (entry.isFile()) return [path];
  const all = await reading(what, path, () => readdir(path, { recursive: true }));
  const names = all.filter((name) => pattern.test(name)).sort();
  if (names.length === 0) throw expectedBut("INVALID_DATA", what, path, "a folder without", { path });
  return names.map((name) => join(path, name));
}

/** The same for parquet files. */
export const parquetFiles = (path: string, pattern = /\.parquet$/): Promise<string[]> =>
  findFiles(path, pattern, "parquet files");
