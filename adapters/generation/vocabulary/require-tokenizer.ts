import { type Decoder, decodesIds, type IdDecoderInfo } from "../../../sdk/index.ts";
import { expectedBut } from "../../../sdk/kit.ts";
import type { IdFormat } from "./visual-vocabulary.ts";

/** @throws UNSUPPORTED for a tokenizer that does not decode ids into images of one size */
export function requireIdDecoder(decoder: Decoder): IdDecoderInfo {
  if (decodesIds(decoder)) return decoder.info;
  const what = "a tokenizer that decodes ids of a codebook into images of one size";
  const mend = "TA-Tok does so with AR-DTok beside it (docs/use-another-tokenizer.md).";
  throw expectedBut("UNSUPPORTED", what, "image generation", `${decoder.info.modelId}, which does not`, mend);
}

/**
 * Checks that a tokenizer decodes the ids of a language model. Its name may differ: a checkpoint may have been moved.
 * @throws INCOMPATIBLE for another codebook or grid
 */
export function requireTokenizer(format: IdFormat, { modelId, codebook, grid }: IdDecoderInfo): void {
  const { codebookSize, grid: wanted, tokenizer } = format;
  const mend = `The language model was trained on the ids of ${tokenizer === "" ? "another tokenizer" : tokenizer}.`;
  const refuse = (what: string, received: string) =>
    expectedBut("INCOMPATIBLE", what, `the tokenizer ${modelId}`, received, mend);
  if (codebook.size !== codebookSize || codebook.codesPerToken !== 1) {
    const several = codebook.codesPerToken === 1 ? "" : `, ${codebook.codesPerToken} codes a token`;
    const what = `a codebook of ${codebookSize}, as the language model's vocabulary has,`;
    throw refuse(what, `one of ${codebook.size}${several}`);
  }
  if (codebook.scales) throw refuse("one grid of ids", `${codebook.scales.length} grids an image`);
  if (grid.rows !== wanted.rows || grid.columns !== wanted.columns) {
    const what = `a grid of ${wanted.rows} x ${wanted.columns}, as the language model has,`;
    throw refuse(what, `${grid.rows} x ${grid.columns}`);
  }
}
