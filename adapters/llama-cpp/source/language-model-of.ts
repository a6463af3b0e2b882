import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { expectedBut } from "../../../sdk/kit.ts";
import { languageModelFile } from "../language-model.ts";
import { type ConvertedLlmOptions, convertedLlm, isConvertible } from "./converted-llm.ts";
import { findLlm } from "./model-folder.ts";

/**
 * The GGUF file of a language model: itself, or the one in a folder, or the one that a checkpoint's folder is converted to once, in
 * the cache.
 * @throws INVALID_ARGUMENT, CHECKPOINT_NOT_FOUND; as `convertLlm`
 */
export async function languageModelOf(source: unknown, options: ConvertedLlmOptions = {}): Promise<string> {
  const folder = typeof source === "string" && source !== "" ? resolve(source) : null;
  const entry = folder === null ? null : await stat(folder).catch(() => null);
  if (folder === null || !entry?.isDirectory()) return languageModelFile(source);
  const found = await findLlm(folder);
  if (found !== null) return languageModelFile(found);
  if (await isConvertible(folder)) return convertedLlm(folder, options);
  const mend = "Put the language model's GGUF file into it, or config.json and the weights of its checkpoint.";
  throw expectedBut("CHECKPOINT_NOT_FOUND", "a language model", folder, "a folder without one", { path: folder, mend });
}
