import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ExpandOptions, expandVocabulary, type VisualVocabulary } from "../../adapters/generation/index.ts";
import { gaussian, uniform } from "./random.ts";
import { writeTinyLlm } from "./tiny-llm.ts";

/** 4 x 4 ids of a codebook of 64, 16 px out; random weights. */
export const tinyTokenizer = fileURLToPath(new URL("../golden/graph/vqrae-two-layers", import.meta.url));
const CODES = 64;
const WIDTH = 64;

export interface TinyGenerator {
  readonly llm: string;
  readonly tokenizer: string;
  readonly vocabulary: VisualVocabulary;
}

/** Writes a language model of random weights with the visual tokens of `tinyTokenizer`. */
export async function writeTinyGenerator(path: string, options: Partial<ExpandOptions> = {}): Promise<TinyGenerator> {
  const plain = await writeTinyLlm(`${path}.plain`, "qwen3");
  const random = uniform(11);
  const { codebookSize = CODES } = options;
  const vocabulary = await expandVocabulary(plain.path, path, {
    codebookSize,
    grid: { rows: 4, columns: 4 },
    tokenizer: "vqrae-two-layers",
    rows: {
      embeddings: gaussian(random, codebookSize * WIDTH, 1),
      output: gaussian(random, codebookSize * WIDTH, 0.5),
    },
    ...options,
  });
  return { llm: path, tokenizer: tinyTokenizer, vocabulary };
}

/** A folder of tiny generators, made when the first is written. */
export function tinyGeneratorFolder() {
  let folder: Promise<string> | undefined;
  return {
    async write(name: string, options?: Partial<ExpandOptions>): Promise<TinyGenerator> {
      folder ??= mkdtemp(join(tmpdir(), "vqrae-generator-"));
      return writeTinyGenerator(join(await folder, name), options);
    },
    async remove(): Promise<void> {
      if (folder) await rm(await folder, { recursive: true, force: true });
    },
  };
}
