import { join } from "node:path";
import type { IdHead, VqraeError } from "../../../sdk/index.ts";
import { expectedBut, isFile, readJsonObject } from "../../../sdk/kit.ts";
import type { GgufFile } from "../../gguf/index.ts";
import { readsImageTokens } from "../../tar-tokens.ts";
import type { GeneratorTokenizer } from "../load-options.ts";
import { presets } from "../sampling/presets.ts";
import { isJanus } from "./janus-prompt.ts";
import { hasVisualVocabulary, readVisualVocabulary } from "./metadata.ts";
import { requireIdDecoder } from "./require-tokenizer.ts";
import { tarVocabulary } from "./tar.ts";
import type { IdFormat, VisualVocabulary } from "./visual-vocabulary.ts";

/** Ids that are embedded and predicted beside the language model. */
export interface HeadFormat extends IdFormat {
  readonly head: IdHead;
}

/** The format of a language model's ids with its tokenizer. */
type FormatWith = (tokenizer: GeneratorTokenizer) => VisualVocabulary | HeadFormat;

/**
 * How a language model has its ids: as tokens that its metadata or, in a Tar, their names tell, or as a Janus does, whose
 * tokenizer has the layers for them. What is wrong with the file shows before the tokenizer is loaded.
 * @throws INVALID_GGUF for a model that has none of them; INCOMPATIBLE for another than Janus' beside a Janus' tokenizer
 */
export async function readIdFormat(gguf: GgufFile, tokenizer: string | GeneratorTokenizer): Promise<FormatWith> {
  if (!hasVisualVocabulary(gguf)) {
    if (isJanus(gguf)) return (loaded) => requireIdHead(gguf, loaded);
    if (await isJanusTokenizer(tokenizer)) throw notJanus(gguf);
    // Which of Tar's tokens begin an image follows from the tokenizer.
    if (readsImageTokens(gguf)) return (loaded) => tarVocabulary(gguf, requireIdDecoder(loaded));
  }
  const own = readVisualVocabulary(gguf);
  return () => own;
}

function notJanus({ file }: GgufFile): VqraeError {
  const mend = "Convert Janus' own language model: give its folder, or `vqrae convert-llm <folder> --out llm.gguf`.";
  const received = "one without the token <begin_of_image>";
  return expectedBut("INCOMPATIBLE", "Janus' language model, as the tokenizer is Janus',", file, received, mend);
}

async function isJanusTokenizer(tokenizer: string | GeneratorTokenizer): Promise<boolean> {
  if (typeof tokenizer !== "string") return tokenizer?.idHead != null;
  const file = join(tokenizer, "config.json");
  return (await isFile(file)) && (await readJsonObject(file, "INVALID_CONFIG")).model_type === "janus";
}

/**
 * The layers for the ids of a Janus, and what they predict.
 * @throws INCOMPATIBLE for a tokenizer without such layers, or with those of another model
 */
function requireIdHead(gguf: GgufFile, { info, idHead: head }: GeneratorTokenizer): HeadFormat {
  const { modelId, grid } = info;
  if (head == null || grid === null) {
    const mend =
      "Give the folder of Janus' whole checkpoint as the tokenizer: deepseek-community/Janus-Pro-1B or -7B, as the language model is.";
    const what = "a tokenizer with Janus' generation_head, as its language model needs,";
    throw expectedBut("INCOMPATIBLE", what, `the tokenizer ${modelId}`, "one without", { path: gguf.file, mend });
  }
  const { file, metadata } = gguf;
  const width = metadata.get(`${metadata.get("general.architecture")?.value}.embedding_length`)?.value;
  if (width !== head.width) {
    const mend = "Take both from one model: those of Janus-Pro-1B and Janus-Pro-7B do not fit each other.";
    const what = `a language model of width ${head.width}, as the tokenizer ${modelId} has it,`;
    throw expectedBut("INCOMPATIBLE", what, file, `one of width ${width}`, { path: file, mend });
  }
  return { head, codebookSize: head.codebookSize, grid, tokenizer: modelId, sampling: presets.janus };
}
