import { stat } from "node:fs/promises";
import type { VisualVocabulary } from "../vocabulary/visual-vocabulary.ts";
import { expandCheckpoint } from "./expand-checkpoint.ts";
import { expandGguf } from "./expand-gguf.ts";
import type { ExpandOptions } from "./expand-options.ts";

/**
 * Adds visual tokens to a language model, for training on images: begin-of-image, end-of-image and one for each code of
 * a tokenizer. They get rows in the embeddings and in the output layer, where that has weights of its own. All else is
 * kept byte for byte.
 *
 * - From a GGUF file (F32, F16, BF16 or Q8_0 rows) it writes another one. The tokens come after all others and are of
 *   type CONTROL. `loadGenerator` finds them by the metadata `vqrae.visual.*`.
 * - From a Hugging Face checkpoint (config.json, tokenizer.json, safetensors in one file or in shards) it writes
 *   another folder. The tokens come after the tokenizer's last, as transformers adds them. They take the rows that
 *   round up the vocabulary first. config.json gets `vqrae_visual`. When the model is trained and converted,
 *   `recordVocabulary` writes the metadata into its GGUF.
 *
 * The file or folder is whole or not there: it is written beside its place and renamed.
 *
 * @param source a GGUF file, or a checkpoint's folder
 * @param target a GGUF file, or a folder that is not there yet
 * @returns where the tokens are
 * @throws INVALID_ARGUMENT for wrong options, or a model that has visual tokens; ALREADY_EXISTS for a folder that is
 *   there; IO_ERROR where the system refuses; UNSUPPORTED for other types of rows; CHECKPOINT_NOT_FOUND, INVALID_GGUF,
 *   INVALID_CHECKPOINT, INVALID_CONFIG
 */
export async function expandVocabulary(
  source: string,
  target: string,
  options: ExpandOptions,
): Promise<VisualVocabulary> {
  const isFolder = await stat(source).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
  return isFolder ? expandCheckpoint(source, target, options) : expandGguf(source, target, options);
}
