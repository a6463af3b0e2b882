import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { expectedBut } from "../../../sdk/kit.ts";
import { isLaterPart } from "./model-parts.ts";

const isMmproj = (name: string): boolean => /mmproj/i.test(name);

/**
 * The language model in a folder: `llm.gguf`, or else the only GGUF file that is no mmproj and no later part of a model;
 * null for none.
 * @throws INVALID_ARGUMENT for several
 */
export async function findLlm(folder: string): Promise<string | null> {
  const files = (await ggufFiles(folder)).filter((name) => !isMmproj(name) && !isLaterPart(name));
  if (files.includes("llm.gguf")) return join(folder, "llm.gguf");
  const [only] = files;
  if (only === undefined) return null;
  return theOnly(folder, files, "language model", `Name the one that you mean, such as ${join(folder, only)}.`);
}

/** The mmproj in a folder; null for none. @throws INVALID_ARGUMENT for several */
export async function findMmproj(folder: string): Promise<string | null> {
  const files = (await ggufFiles(folder)).filter(isMmproj);
  const [only] = files;
  if (only === undefined) return null;
  return theOnly(folder, files, "mmproj file", `Name the one that you mean as mmproj, such as ${join(folder, only)}.`);
}

async function ggufFiles(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name.toLowerCase().endsWith(".gguf")).sort();
}

function theOnly(folder: string, files: readonly string[], what: string, mend: string): string {
  const [only] = files;
  if (only !== undefined && files.length === 1) return join(folder, only);
  const received = `${files.length}: ${files.map((file) => basename(file)).join(", ")}`;
  throw expectedBut("INVALID_ARGUMENT", `one ${what}`, folder, received, { path: folder, mend });
}
