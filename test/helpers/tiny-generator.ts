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
  const { codebookSize = CODES } = options;
  const vocabulary = await expandVocabulary(plain.path, path, {
    codebookSize,
    grid: { rows: 4, columns: 4 },
    tokenizer: "vqrae-two-layers",
    rows: randomRows(codebookSize),
    ...options,
  });
  return { llm: path, tokenizer: tinyTokenizer, vocabulary };
}

function randomRows(codebookSize: number) {
  const random = uniform(11);
  return {
    embeddings: gaussian(random, codebookSize * WIDTH, 1),
    output: gaussian(random, codebookSize * WIDTH, 0.5),
  };
}

/** After this id `brokenRows` have no numbers. */
export const BAD_ID = 5;

/** Rows of the visual tokens, as those of any tiny generator but for `BAD_ID`'s embedding, which is NaN. */
export function brokenRows() {
  const rows = randomRows(CODES);
  rows.embeddings.fill(Number.NaN, BAD_ID * WIDTH, (BAD_ID + 1) * WIDTH);
  return rows;
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
