import { expandVocabulary, type VisualVocabulary } from "../../adapters/generation/index.ts";
import { ggufValue, readGguf, rewriteGguf } from "../../adapters/gguf/index.ts";
import { gaussian, uniform } from "../../test/helpers/random.ts";
import { writeTinyLlm } from "../../test/helpers/tiny-llm.ts";

/** Tokens of Qwen's vocabulary and codes of the paper's. */
const TEXT = 151_936;
const CODES = 16_384;
const WIDTH = 64;

/** A language model of two small layers and a vocabulary of full size, with visual tokens. */
export async function writeLargeVocabulary(path: string): Promise<VisualVocabulary> {
  const plain = await writeTinyLlm(`${path}.tiny`, "llama");
  const { metadata } = await readGguf(plain.path);
  const list = <T>(key: string) => metadata.get(`tokenizer.ggml.${key}`)!.value as readonly T[];
  const more = <T>(known: readonly T[], value: (i: number) => T): T[] =>
    Array.from({ length: TEXT }, (_, i) => known[i] ?? value(i));
  const random = uniform(1);
  const tensor = (name: string, deviation: number) => {
    const data = gaussian(random, TEXT * WIDTH, deviation);
    return { name, type: "F32" as const, shape: [TEXT, WIDTH], data };
  };
  await rewriteGguf(plain.path, `${path}.text`, {
    metadata: [
      ["tokenizer.ggml.tokens", ggufValue.strings(more(list<string>("tokens"), (i) => `w${i}`))],
      ["tokenizer.ggml.scores", ggufValue.float32s(more(list<number>("scores"), (i) => -10 - i))],
      ["tokenizer.ggml.token_type", ggufValue.int32s(more(list<number>("token_type"), () => 1))],
    ],
    tensors: [tensor("token_embd.weight", 1), tensor("output.weight", 0.5)],
  });
  return expandVocabulary(`${path}.text`, path, {
    codebookSize: CODES,
    grid: { rows: 32, columns: 32 },
    rows: { embeddings: gaussian(random, CODES * WIDTH, 1), output: gaussian(random, CODES * WIDTH, 0.5) },
  });
}
