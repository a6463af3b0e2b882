/**
 * The benchmark kit: what you write a benchmark with. Readers yield rows and questions one by one, and hold no file
 * whole. Parsers read answers as a harness does. Scores are the harnesses' formulas. `vqrae/benchmarks` exports all of
 * it.
 */

export { type BleuCounts, bleu, bleuCounts } from "./captions/bleu.ts";
export { captionScores, judgeCaption } from "./captions/caption-scores.ts";
export { Cider, type CiderTexts } from "./captions/cider.ts";
export { ptbTokens } from "./captions/ptb-tokens.ts";
export { exactMatchForm } from "./parsers/exact-match.ts";
export { judgeOption } from "./parsers/judge-option.ts";
export { mcqAnswer } from "./parsers/mcq-answer.ts";
/** Python's text functions where JavaScript's differ: `pythonText.strip`, `pythonText.words`, ... */
export * as pythonText from "./parsers/python-text.ts";
export { vlmevalkitOption } from "./parsers/vlmevalkit-option.ts";
export { evalAiAnswer, vlmevalkitAnswer } from "./parsers/vqa-answer.ts";
export { yesNoWord } from "./parsers/yes-no-word.ts";
export { isYesOrNo, yesOrNo } from "./parsers/yes-or-no.ts";
export {
  INTERNVL_TOKENS,
  LLAVA_TOKENS,
  LMMS_EVAL_STOP,
  LMMS_EVAL_TOKENS,
  OPTION_LETTER,
  optionLines,
  SHORT_ANSWER,
  vlmevalkitChoicePrompt,
} from "./prompts.ts";
export { findFile, findFiles, type ParquetFilesOptions, parquetFiles } from "./readers/find-files.ts";
export { base64Image, fileImage } from "./readers/images.ts";
export { type JsonElement, jsonElements } from "./readers/json-elements.ts";
export { jsonLines } from "./readers/json-lines.ts";
export { type ParquetRow, parquetRows } from "./readers/parquet.ts";
export { type ImagesById, parquetImages } from "./readers/parquet-images.ts";
export { openParquetTable, type ParquetTable } from "./readers/parquet-table.ts";
export { parseJson } from "./readers/parse-json.ts";
export { pythonList } from "./readers/python-list.ts";
export { listFolder, readText } from "./readers/reading.ts";
export { Row } from "./readers/row.ts";
export { type TsvRow, tsvRows } from "./readers/tsv.ts";
export { LETTERS, letterAnswer, type TsvTask, tsvQuestions } from "./readers/tsv-questions.ts";
export { allRight, circularScore } from "./scores/circular.ts";
export { byField, groupBy, groupInOrder } from "./scores/grouping.ts";
export { mean, meanScore, percentOf } from "./scores/mean.ts";
export { vqaAccuracy } from "./scores/vqa-accuracy.ts";
export { percentage, precisionRecallF1, type YesNoRates, yesNoRates } from "./scores/yes-no-rates.ts";
export { textSeed } from "./text-seed.ts";
