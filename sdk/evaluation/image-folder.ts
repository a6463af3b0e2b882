import { readdir } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { expectedBut, present } from "../errors.ts";
import { systemReason } from "../files/read-file.ts";

/** An image file and its class. */
export interface LabelledFile {
  /** The folder's path and the name below it. */
  readonly path: string;
  /** The name of the folder it lies in. */
  readonly label: string;
}

const suffixes = new Set([".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".avif"]);

/**
 * Every image under `folder`, sorted by path.
 * @throws INVALID_ARGUMENT for a folder that cannot be read or has no image
 */
export async function listImages(folder: string): Promise<LabelledFile[]> {
  const names = await readdir(folder, { recursive: true }).catch((cause: unknown) => {
    throw expectedBut("INVALID_ARGUMENT", "a readable folder", "the images", `${folder}: ${systemReason(cause)}`, {
      cause,
    });
  });
  const images = names.filter((name) => suffixes.has(extname(name).toLowerCase()));
  if (images.length === 0) {
    throw expectedBut("INVALID_ARGUMENT", `files ending in ${[...suffixes].join(", ")}`, folder, "none");
  }
  return images.sort().map((name) => {
    const path = join(folder, name);
    return { path, label: basename(dirname(path)) };
  });
}

/** Each image's class as a number, the classes in the order of their names. */
export function labelNumbers(files: readonly LabelledFile[]): { names: string[]; labels: number[] } {
  const names = [...new Set(files.map(({ label }) => label))].sort();
  const numbers = new Map(names.map((name, i) => [name, i]));
  return { names, labels: files.map(({ label }) => present(numbers.get(label), "the number of each class")) };
}
