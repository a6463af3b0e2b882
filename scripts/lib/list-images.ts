import { readdir } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";

export interface LabelledFile {
  readonly path: string;
  /** The name of the folder it lies in. */
  readonly label: string;
}

const suffixes = new Set([".jpg", ".jpeg", ".png", ".webp"]);

/** Every image under `folder`, sorted by path. */
export async function listImages(folder: string): Promise<LabelledFile[]> {
  const names = (await readdir(folder, { recursive: true })).filter((n) => suffixes.has(extname(n).toLowerCase()));
  if (names.length === 0) throw new Error(`Expected images under ${folder} but received none.`);
  return names.sort().map((name) => {
    const path = join(folder, name);
    return { path, label: basename(dirname(path)) };
  });
}
