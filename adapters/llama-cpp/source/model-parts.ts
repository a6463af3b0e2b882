import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { expectedBut, isFile } from "../../../sdk/kit.ts";

/** llama.cpp's names of a model's parts: `name-00002-of-00003.gguf`. */
const PART = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/i;

/** Whether a file is a part of a model that another file begins. */
export const isLaterPart = (name: string): boolean => Number(PART.exec(name)?.[2] ?? 1) > 1;

/** The names of a model's parts, the first of which `file` is; that of `file` alone for a whole model. */
export function partNames(file: string): string[] {
  const [whole, name, , count] = PART.exec(basename(file)) ?? [];
  if (whole === undefined) return [basename(file)];
  return Array.from({ length: Number(count) }, (_, i) => `${name}-${String(i + 1).padStart(5, "0")}-of-${count}.gguf`);
}

/** The size of a model's file, or of all its parts. */
export async function modelBytes(file: string): Promise<number> {
  const sizes = await Promise.all(partNames(file).map(async (name) => (await stat(join(dirname(file), name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/**
 * Checks that all parts of a model lie beside its first one.
 * @throws INVALID_ARGUMENT for a later part, CHECKPOINT_NOT_FOUND for one that is missing
 */
export async function requireParts(file: string): Promise<void> {
  const [, , part] = PART.exec(basename(file)) ?? [];
  if (part === undefined) return;
  const names = partNames(file);
  if (Number(part) !== 1) {
    const mend = `Give ${join(dirname(file), names[0] ?? "")}: it finds the others.`;
    throw expectedBut("INVALID_ARGUMENT", "the first part of a model", file, `part ${Number(part)}`, {
      path: file,
      mend,
    });
  }
  for (const name of names.slice(1)) {
    const path = join(dirname(file), name);
    if (await isFile(path)) continue;
    const received = `nothing in place of ${name}`;
    const mend = "Download this part too, and keep all of them in one folder.";
    throw expectedBut("CHECKPOINT_NOT_FOUND", `all ${names.length} parts`, file, received, { path, mend });
  }
}
