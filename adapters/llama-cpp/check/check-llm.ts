import { dirname, join } from "node:path";
import { type GgufFile, readGguf } from "../../gguf/index.ts";
import { partNames } from "../source/model-parts.ts";
import { damaged } from "./metadata.ts";
import { checkSizes } from "./sizes.ts";
import { checkTensorTypes } from "./tensor-types.ts";
import { checkVocabulary } from "./vocabulary.ts";

/**
 * Refuses what llama.cpp would end the process for: counts of zero, sizes that do not divide each other, tokens that come
 * twice, tensors that its arithmetic does not take, parts that are cut short or named otherwise. What it only reports is left to it.
 * Source: llama.cpp 0.5.0: the assertions of llama-model.cpp, llama-hparams.cpp, llama-vocab.cpp, src/models/ and ggml/.
 *
 * @param path as it was given, which names the other parts of a split model; the file may be a link's target
 * @throws INVALID_GGUF naming the key or the tensor; UNSUPPORTED for a model that writes no text
 */
export async function checkLlm(gguf: GgufFile, path: string): Promise<void> {
  checkSizes(gguf);
  checkVocabulary(gguf);
  checkTensorTypes(gguf);
  const names = partNames(path);
  checkFile(gguf, names.length, 0);
  for (const [i, name] of names.entries()) {
    if (i === 0) continue;
    const part = await readGguf(join(dirname(path), name));
    checkTensorTypes(part);
    checkFile(part, names.length, i);
  }
}

/** ggml's processor computes from addresses that are multiples of it. */
const ALIGNMENT = 32;

/**
 * How a file's tensors lie, and what it says of the other parts of its model. llama.cpp reads these keys without a look at their
 * types, and cannot name the parts of a file whose own name says nothing of them.
 * @param named how many parts the first file's name says
 * @param number which one this is, from 0
 */
function checkFile({ file, metadata }: GgufFile, named: number, number: number): void {
  const alignment = metadata.get("general.alignment")?.value ?? ALIGNMENT;
  if (Number(alignment) % ALIGNMENT !== 0) {
    throw damaged(file, `a multiple of ${ALIGNMENT}`, "general.alignment", String(alignment));
  }
  for (const [key, expected] of [
    ["split.count", named],
    ["split.no", number],
  ] as const) {
    const value = metadata.get(key);
    if (value === undefined) continue;
    if (value.type !== "uint16") throw damaged(file, "a uint16", key, `a value of type ${value.type}`);
    const isWhole = key === "split.count" && value.value <= 1 && named === 1;
    if (value.value === expected || isWhole) continue;
    throw damaged(file, `${expected}, as the files' names say,`, key, String(value.value));
  }
}
