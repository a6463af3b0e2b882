import { readdir, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { readRegularFile } from "../../files/regular-file.ts";
import { CHECKED } from "../../weights/made/checked-note.ts";

/** A file of a cache that can be made again. */
export interface MadeFile {
  readonly file: string;
  readonly bytes: number;
  /** When it was last read or written, as far as the file system keeps that. */
  readonly used: Date;
  /** Small files that belong to it. */
  readonly beside: readonly string[];
}

/** All weights that are kept in a folder; a file that is larger by itself stays alone. */
const MAX_BYTES = 32e9;

const WEIGHTS = /^[0-9a-f]{64}\.safetensors$/;
const KEY = /^[0-9a-f]{64}\.key$/;

/**
 * The weights that `WeightsCache` made in a folder, the largest first; files that it did not make are left out. An empty list for a
 * folder that is not there.
 * @throws an error of the system for a folder that cannot be read
 */
export async function madeWeights(folder: string): Promise<MadeFile[]> {
  const names = await namesIn(folder);
  const found = await filesOf(
    folder,
    names.filter((name) => WEIGHTS.test(name)),
    [CHECKED],
  );
  // What remembers the content of files goes with the weights of that content; it is touched when they are opened.
  const keys = new Map<string, { file: string; used: number }[]>();
  for (const name of names.filter((name) => KEY.test(name))) {
    const key = join(folder, name);
    const content = (await readRegularFile(key, 64).catch(() => null))?.toString() ?? "";
    const used = (await stat(key).catch(() => null))?.mtimeMs ?? 0;
    keys.set(content, [...(keys.get(content) ?? []), { file: key, used }]);
  }
  return found.map((one) => {
    const own = keys.get(basename(one.file, ".safetensors")) ?? [];
    const used = new Date(Math.max(one.used.getTime(), ...own.map(({ used }) => used)));
    return { ...one, used, beside: [...own.map(({ file }) => file), ...one.beside] };
  });
}

/** Removes the weights of a folder that were unused the longest, until there is place for `bytes` more. */
export async function makePlace(folder: string, bytes: number, most = MAX_BYTES): Promise<void> {
  const files = await madeWeights(folder);
  let total = files.reduce((sum, one) => sum + one.bytes, bytes);
  for (const one of files.sort((a, b) => a.used.getTime() - b.used.getTime())) {
    if (total <= most) return;
    if (await removeMade(one)) total -= one.bytes;
  }
}

/**
 * Some files of a folder with what lies beside each, the largest first. One that goes meanwhile is left out.
 * @param endings of the files that belong to one
 */
export async function filesOf(
  folder: string,
  names: readonly string[],
  endings: readonly string[] = [],
): Promise<MadeFile[]> {
  const found: MadeFile[] = [];
  for (const name of names) {
    const file = join(folder, name);
    const status = await stat(file).catch(() => null);
    if (!status?.isFile()) continue;
    const used = new Date(Math.max(status.atimeMs, status.mtimeMs));
    found.push({ file, bytes: status.size, used, beside: endings.map((ending) => `${file}${ending}`) });
  }
  return found.sort((a, b) => b.bytes - a.bytes);
}

/** The names in a folder, in order; none where there is no folder. */
export async function namesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  return names.sort();
}

/** Removes a file of a cache and what belongs to it. A process that has it open on Windows keeps it: false then. */
export async function removeMade({ file, beside }: MadeFile): Promise<boolean> {
  try {
    await rm(file, { force: true });
    for (const other of beside) await rm(other, { force: true });
    return true;
  } catch {
    return false;
  }
}
