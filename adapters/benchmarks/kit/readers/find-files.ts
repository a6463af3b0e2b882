import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { expectedBut } from "../../../../sdk/kit.ts";

/**
 * The file itself, or the files below a folder whose path in it matches, sorted.
 * @throws INVALID_DATA where there is none
 */
export async function findFiles(path: string, pattern: RegExp, what: string): Promise<string[]> {
  const entry = await stat(path).catch(() => null);
  if (!entry) throw expectedBut("INVALID_DATA", what, path, "nothing there");
  if (entry.isFile()) return [path];
  const names = (await readdir(path, { recursive: true })).filter((name) => pattern.test(name)).sort();
  if (names.length === 0) throw expectedBut("INVALID_DATA", what, path, "a folder without");
  return names.map((name) => join(path, name));
}

export const parquetFiles = (path: string, pattern = /\.parquet$/): Promise<string[]> =>
  findFiles(path, pattern, "parquet files");
