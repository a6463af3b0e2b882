import { basename, dirname, join } from "node:path";
import { expectedBut, isFile } from "../../../sdk/kit.ts";

/** llama.cpp's names of a model's parts: `name-00002-of-00003.gguf`. */
const PART = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/i;

/** Whether a file is a part of a model that another file begins. */
export const isLaterPart = (name: string): boolean => Number(PART.exec(name)?.[2] ?? 1) > 1;

/**
 * Checks that all parts of a model lie beside its first one.
 * @throws INVALID_ARGUMENT for a later part, CHECKPOINT_NOT_FOUND for one that is missing
 */
export async function requireParts(file: string): Promise<void> {
  const [, name, part, count] = PART.exec(basename(file)) ?? [];
  if (part === undefined || count === undefined) return;
  const partName = (number: number) => `${name}-${String(number).padStart(5, "0")}-of-${count}.gguf`;
  if (Number(part) !== 1) {
    const mend = `Give ${join(dirname(file), partName(1))}: it finds the others.`;
    throw expectedBut("INVALID_ARGUMENT", "the first part of a model", file, `part ${Number(part)}`, {
      path: file,
      mend,
    });
  }
  for (let number = 2; number <= Number(count); number++) {
    const path = join(dirname(file), partName(number));
    if (await isFile(path)) continue;
    const received = `nothing in place of ${partName(number)}`;
    const mend = "Download this part too, and keep all of them in one folder.";
    throw expectedBut("CHECKPOINT_NOT_FOUND", `all ${Number(count)} parts`, file, received, { path, mend });
  }
}
