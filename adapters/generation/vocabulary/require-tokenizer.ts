import type { VisionTokenizerInfo } from "../../../sdk/index.ts";
import { expectedBut } from "../../../sdk/kit.ts";
import type { VisualVocabulary } from "./visual-vocabulary.ts";

/**
 * Checks that a tokenizer decodes the ids of a vocabulary. Its name may differ: a checkpoint may have been moved.
 * @returns the pixels that it decodes an image to
 * @throws INVALID_ARGUMENT for another codebook or grid; UNSUPPORTED for a tokenizer without a decoder
 */
export function requireTokenizer(vocabulary: VisualVocabulary, info: VisionTokenizerInfo) {
  const { codebookSize, grid, tokenizer } = vocabulary;
  const { codebook, outputSize, modelId } = info;
  if (codebook === null || outputSize === null) {
    const received = `${modelId}, which has none`;
    throw expectedBut("UNSUPPORTED", "a tokenizer with a codebook and a decoder", "image generation", received);
  }
  const mend = `The language model was trained on the ids of ${tokenizer === "" ? "another tokenizer" : tokenizer}.`;
  const refuse = (what: string, received: string) =>
    expectedBut("INVALID_ARGUMENT", what, `the tokenizer ${modelId}`, received, mend);
  if (codebook.size !== codebookSize) {
    throw refuse(`a codebook of ${codebookSize}, as the language model's vocabulary has,`, `one of ${codebook.size}`);
  }
  if (info.grid?.rows !== grid.rows || info.grid.columns !== grid.columns) {
    const received = info.grid === null ? "one for each image" : `${info.grid.rows} x ${info.grid.columns}`;
    throw refuse(`a grid of ${grid.rows} x ${grid.columns}, as the language model has,`, received);
  }
  return outputSize;
}
