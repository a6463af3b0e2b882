import type { IdDecoderInfo } from "../../../sdk/index.ts";
import { expectedBut } from "../../../sdk/kit.ts";
import type { GgufFile } from "../../gguf/index.ts";
import { imageTokenOf, TAR_SYSTEM_MESSAGE } from "../../tar-tokens.ts";
import { presets } from "../sampling/presets.ts";
import { vocabularyTokens } from "./metadata.ts";
import { PROMPT_PLACE, type VisualVocabulary } from "./visual-vocabulary.ts";

/** Qwen2.5's template of a first question, and what Tar's t2i_inference.py puts behind it; the scale's token follows. */
const PROMPT_FORMAT =
  `<|im_start|>system\n${TAR_SYSTEM_MESSAGE}<|im_end|>\n` +
  `<|im_start|>user\n${PROMPT_PLACE}<|im_end|>\n<|im_start|>assistant\n<im_start>`;

/** The token of a scale: images of fewer ids have a higher one. */
const scaleTokenOf = (scale: number): string => `<S${scale}>`;

/**
 * Where Tar's visual tokens lie, by their names. Its files have no metadata of ours: `csuhan/Tar` calls them `<I0>`, `<I1>` and so on,
 * and a token before them says how many an image has, which follows from the tokenizer.
 * @throws INCOMPATIBLE where a token is missing
 */
export function tarVocabulary(gguf: GgufFile, { grid, poolScale = 1, modelId }: IdDecoderInfo): VisualVocabulary {
  const tokens = vocabularyTokens(gguf);
  const tokenOf = (text: string): number => {
    const token = tokens.indexOf(text);
    if (token >= 0) return token;
    const mend = "Take the GGUF of a language model of csuhan/Tar, such as Tar-1.5B, as `vqrae convert-llm` makes it.";
    throw expectedBut("INCOMPATIBLE", `a token ${text}`, `the vocabulary of ${gguf.file}`, "none", mend);
  };
  const firstToken = tokenOf(imageTokenOf(0));
  let codebookSize = 1;
  while (tokens[firstToken + codebookSize] === imageTokenOf(codebookSize)) codebookSize++;
  tokenOf("<im_start>");
  return {
    codebookSize,
    firstToken,
    boiToken: tokenOf(scaleTokenOf(poolScale - 1)),
    eoiToken: tokenOf("<im_end>"),
    grid,
    tokenizer: modelId,
    promptFormat: PROMPT_FORMAT,
    promptCase: "as-written",
    // As all tokens that Tar's trainer adds without calling them special.
    alwaysTokens: /<[IS]\d+>/g,
    unconditionalPrompt: "",
    sampling: presets.tar,
  };
}
