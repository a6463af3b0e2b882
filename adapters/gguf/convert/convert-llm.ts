import { dirname, join, resolve } from "node:path";
import * as z from "zod";
import { expected, ggufTensorBytes, isFile, openTensors, option, parseOptions, requireRoom } from "../../../sdk/kit.ts";
import { streamGguf } from "../write-gguf.ts";
import { modelKeys } from "./model-keys.ts";
import type { ModelSizes } from "./model-name.ts";
import { ropeFactors } from "./rope-factors.ts";
import { readTextConfig } from "./text-config.ts";
import { automaticType, languageTensors, requireReadable, type TextTensor, textTensor } from "./text-tensors.ts";
import { vocabularyKeys } from "./vocabulary.ts";

export interface ConvertLlmOptions {
  /** The type of the matrices (default "auto": BF16 or F16, as the checkpoint has them). Vectors and norms are F32. */
  readonly dtype?: "auto" | "F32" | "F16" | "BF16" | "Q8_0";
  /** llama.cpp's name of the pre-tokenizer, such as "qwen2" or "llama-bpe"; needed where its hash is not known. */
  readonly preTokenizer?: string;
  /** `general.name` (default: read in the folder's name, as llama.cpp's converter does). */
  readonly name?: string;
  /** Called when the work begins, and after each tensor; both counts are bytes of tensors. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Stops between tensors' pieces; nothing is left of the new file. */
  readonly signal?: AbortSignal;
}

export interface ConvertedLlm {
  /** Absolute path of the new file. */
  readonly file: string;
  /** llama.cpp's name of the architecture, such as "qwen3". */
  readonly architecture: string;
  readonly dtype: "F32" | "F16" | "BF16" | "Q8_0";
  readonly tensors: number;
  /** How many numbers the tensors hold. */
  readonly parameters: number;
}

const schema = z.strictObject({
  dtype: option.oneOf("auto", "F32", "F16", "BF16", "Q8_0"),
  preTokenizer: option.text("a name of a pre-tokenizer"),
  name: option.text("a name"),
  onProgress: option.callback<(done: number, total: number) => void>(),
  signal: option.signal,
});

/**
 * Writes the language model of a Hugging Face folder (safetensors or pytorch_model.bin, config.json, a tokenizer) as a GGUF file, equal to the
 * byte to what llama.cpp's convert_hf_to_gguf.py writes. Of a model card (README.md) the fields that are texts or lists of
 * texts are read. The folder may be a vision language model's: its encoder and projector are left out. Some 16 MiB of
 * weights are in memory at a time.
 *
 * Language models of type llama, mistral, ministral3, qwen2, qwen3, qwen2_vl, qwen2_5_vl, qwen3_vl, qwen3_moe,
 * qwen3_vl_moe, gemma3_text and lfm2; tokenizers of byte-level BPE (tokenizer.json) and SentencePiece (tokenizer.model).
 * Source: llama.cpp v0.5.0, conversion/ and gguf-py/.
 *
 * @param folder with config.json, weights and tokenizer.json or tokenizer.model
 * @param out the .gguf file to write; one that is there is replaced when the new one is whole
 * @throws CHECKPOINT_NOT_FOUND, INVALID_CONFIG, INVALID_CHECKPOINT for a folder that lacks a part or a damaged one;
 *   INCOMPATIBLE for a tokenizer with more tokens than the model; UNSUPPORTED for a model, tokenizer or pre-tokenizer that
 *   is not known; IO_ERROR for a full disk, before anything is written; the signal's reason after an abort
 */
export async function convertLlm(folder: string, out: string, options: ConvertLlmOptions = {}): Promise<ConvertedLlm> {
  const { dtype = "auto", preTokenizer, name, onProgress, signal } = parseOptions(schema, options, "convertLlm");
  if (typeof folder !== "string" || folder === "") throw expected("INVALID_ARGUMENT", "a folder", "folder", folder);
  if (typeof out !== "string" || out === "") throw expected("INVALID_ARGUMENT", "a file's path", "out", out);
  signal?.throwIfAborted();
  const config = await readTextConfig(folder);
  const stored = languageTensors(await openTensors(folder), config, folder, await isSavedByTorch(folder));
  await requireReadable(stored);
  const type = dtype === "auto" ? automaticType(stored) : dtype;
  const factors = ropeFactors(config);
  const tensors = [...(factors ? [factors] : []), ...stored.map((tensor) => textTensor(tensor, type, config))];
  const sizes = sizesOf(tensors);
  const keys = new Map([
    ...(await modelKeys(folder, config, type, sizes, name)),
    ...(await vocabularyKeys(folder, config, preTokenizer)),
  ]);
  const total = tensors.reduce((sum, { type, shape }) => sum + ggufTensorBytes(type, shape), 0);
  await requireRoom(dirname(resolve(out)), total);
  let done = 0;
  await streamGguf(out, keys, tensors, async (write) => {
    onProgress?.(done, total);
    for (const { name, type, shape, pieces } of tensors) {
      await write(name, stoppable(pieces(), signal));
      done += ggufTensorBytes(type, shape);
      onProgress?.(done, total);
    }
  });
  return {
    file: resolve(out),
    architecture: config.family.architecture,
    dtype: type,
    tensors: tensors.length,
    parameters: sizes.parameters,
  };
}

/** `openTensors` looks for safetensors first. */
const isSavedByTorch = async (folder: string): Promise<boolean> =>
  (await Promise.all(["", ".index.json"].map((end) => isFile(join(folder, `model.safetensors${end}`))))).every(
    (found) => !found,
  );

function sizesOf(tensors: readonly TextTensor[]): ModelSizes {
  let [parameters, expertParameters, experts] = [0, 0, 0];
  for (const { name, shape } of tensors) {
    const size = shape.reduce((product, length) => product * length, 1);
    parameters += size;
    if (!name.includes("_exps.")) continue;
    experts = shape[0] ?? 0;
    expertParameters += size / experts;
  }
  return { parameters, expertParameters, experts };
}

async function* stoppable(
  pieces: AsyncIterable<ArrayBufferView> | Iterable<ArrayBufferView>,
  signal: AbortSignal | undefined,
): AsyncGenerator<ArrayBufferView> {
  for await (const piece of pieces) {
    signal?.throwIfAborted();
    yield piece;
  }
}
