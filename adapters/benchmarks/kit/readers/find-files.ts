import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { expectedBut } from "../../../../sdk/kit.ts";
import { groupBy } from "../scores/grouping.ts";
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

/**
 * The file itself, or the one file below a folder whose path in it matches.
 * @throws INVALID_DATA if there is none, or several, which are named; IO_ERROR if the system refuses
 */
export async function findFile(path: string, pattern: RegExp, what: string): Promise<string> {
  const [file, ...others] = await findFiles(path, pattern, what);
  if (file !== undefined && others.length === 0) return file;
  throw several(what, path, file === undefined ? others : [file, ...others]);
}

export interface ParquetFilesOptions {
  /** Path in the folder (default: any that ends in .parquet). */
  readonly pattern?: RegExp;
  /** The split that is read where a folder has several, such as "validation"; by default all of them are. */
  readonly split?: string;
  /** Whether files of several folders are one table, such as a folder a subject (default false). */
  readonly folders?: boolean;
}

/**
 * The file itself, or the parquet files of one table below a folder, sorted. A clone of a repository of the Hugging Face
 * hub may hold several: a folder a configuration, and in it files of several splits, such as
 * `en/dev-00000-of-00002.parquet`, or `en/dev/0000.parquet` as the hub converts them.
 * @throws INVALID_DATA if there is none, or it is unclear which is meant: the message names the folders or files to give;
 *   IO_ERROR if the system refuses
 */
export async function parquetFiles(
  path: string,
  { pattern = /\.parquet$/, split, folders = false }: ParquetFilesOptions = {},
): Promise<string[]> {
  const found = await findFiles(path, pattern, "parquet files");
  const splits = [...groupBy(found, (file) => JSON.stringify(placeOf(file))).values()];
  const wanted = splits.filter(([file]) => split !== undefined && placeOf(file).split === split);
  const files = (wanted.length > 0 ? wanted : splits).flat();
  const inFolders = new Set(files.map((file) => placeOf(file).folder));
  if (!folders && inFolders.size > 1) throw several("the parquet files of one table", path, [...inFolders]);
  if (split === undefined || wanted.length > 0 || splits.length === 1) return files;
  throw several(`parquet files of the split ${split}, or of one split`, path, files);
}

/** Folder of the configuration, and split, of a file of the hub. */
function placeOf(file: string): { readonly folder: string; readonly split: string } {
  const folder = dirname(file);
  const split = basename(file, ".parquet").replace(/(^|[-_.])\d+(-of-\d+)?(-[0-9a-f]{16})?$/, "");
  return split === "" ? { folder: dirname(folder), split: basename(folder) } : { folder, split };
}

const MOST_SHOWN = 8;

function several(what: string, path: string, all: readonly string[]) {
  const shown = [...all.slice(0, MOST_SHOWN), ...(all.length > MOST_SHOWN ? ["..."] : [])].join(", ");
  const mend = "Give the path of the one that you mean.";
  return expectedBut("INVALID_DATA", what, path, `several: ${shown}`, { mend, path });
}
