import { dirname, join } from "node:path";
import { type GgufFile, readGguf } from "../../gguf/index.ts";
import { partNames } from "../source/model-parts.ts";
import { checkSizes } from "./sizes.ts";
import { checkTensorTypes } from "./tensor-types.ts";
import { checkVocabulary } from "./vocabulary.ts";

/**
 * Refuses what llama.cpp would end the process for: counts of zero, sizes that do not divide each other, tokens that come
 * twice, tensors that its arithmetic does not take, parts that are cut short. What it only reports is left to it.
 * Source: llama.cpp 0.5.0: the assertions of llama-model.cpp, llama-hparams.cpp, llama-vocab.cpp, src/models/ and ggml/.
 *
 * @param path as it was given, which names the other parts of a split model; the file may be a link's target
 * @throws INVALID_GGUF naming the key or the tensor; UNSUPPORTED for a model that writes no text
 */
export async function checkLlm(gguf: GgufFile, path: string): Promise<void> {
  checkSizes(gguf);
  checkVocabulary(gguf);
  checkTensorTypes(gguf);
  for (const name of partNames(path).slice(1)) checkTensorTypes(await readGguf(join(dirname(path), name)));
}
