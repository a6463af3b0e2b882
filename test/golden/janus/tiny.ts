import { cp, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { convertLlm } from "../../../adapters/gguf/index.ts";
import { imageOf, readExpected } from "../expected.ts";

/** What transformers and DeepSeek's code give with the tiny Janus (make_janus.py). */
export interface Expected {
  readonly asked: readonly {
    readonly question: string;
    readonly prompt: readonly number[];
    readonly answer: readonly number[];
  }[];
  readonly drawn: readonly {
    readonly text: string;
    readonly prompt: readonly number[];
    /** The likeliest id at each step, with guidance 5. */
    readonly ids: readonly number[];
    /** Random ones, whose logits are `teacher`. */
    readonly forced: readonly number[];
  }[];
}

export const numbers = readExpected(join(import.meta.dirname, "expected.safetensors"));
export const { asked, drawn }: Expected = JSON.parse(
  await readFile(join(import.meta.dirname, "expected.json"), "utf8"),
);
export const images = asked.map((_, i) => imageOf(numbers[`image.${i}`]!));

/** Its checkpoint's folder: the first file of weights is beside this one, and the image tokenizer's lies in ../vqgan. */
export async function tinyJanus(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  await cp(join(import.meta.dirname, "model"), folder, { recursive: true });
  const tokenizer = join(import.meta.dirname, "../vqgan/janus/model.safetensors");
  await cp(tokenizer, join(folder, "model-00002-of-00002.safetensors"));
  return folder;
}

/** The same with its language model in F32 beside it, as the pre-tokenizer of a tiny tokenizer is nobody's. */
export async function tinyJanusWithLlm(folder: string): Promise<string> {
  await tinyJanus(folder);
  await convertLlm(folder, join(folder, "llm.gguf"), { dtype: "F32", preTokenizer: "qwen2" });
  return folder;
}
