import { expected, expectedBut } from "../../../sdk/kit.ts";
import {
  decodeGgufTensor,
  encodeGgufTensor,
  type GgufFile,
  type GgufFloatType,
  type GgufTensor,
  type GgufTensorToWrite,
  type GgufValue,
  ggufValue,
  readGguf,
  readGgufTensorPieces,
  rewriteGguf,
} from "../../gguf/index.ts";
import { hasVisualVocabulary, visualMetadata, vocabularySize } from "../vocabulary/metadata.ts";
import { newTokenNames, type VisualVocabulary } from "../vocabulary/visual-vocabulary.ts";
import { type ExpandOptions, expandedVocabulary } from "./expand-options.ts";
import { type NewRows, newRows, rowStatistics } from "./new-rows.ts";

/** The tensors with a row for each token, and what their rows are. */
const tokenTensors: Readonly<Record<string, "embeddings" | "output" | "bias">> = {
  "token_embd.weight": "embeddings",
  "output.weight": "output",
  "output.bias": "bias",
};
const EXPANDABLE: readonly string[] = ["F32", "F16", "BF16", "Q8_0"] satisfies GgufFloatType[];

/** llama.cpp's token types (`llama_token_type`). */
const NORMAL = 1;
const CONTROL = 3;
/** What llama.cpp's converter gives added tokens, where a vocabulary has scores. */
const ADDED_SCORE = -1000;

/** A GGUF language model with visual tokens; see `expandVocabulary`. */
export async function expandGguf(source: string, target: string, options: ExpandOptions): Promise<VisualVocabulary> {
  const gguf = await readGguf(source);
  const size = vocabularySize(gguf);
  const vocabulary = expandedVocabulary(size, options);
  if (hasVisualVocabulary(gguf)) {
    const received = "one that has them";
    throw expectedBut("INVALID_ARGUMENT", "a language model without visual tokens", gguf.file, received);
  }
  requireTokenTensors(gguf, size);
  const { rows = "mean" } = options;
  const tensors: GgufTensorToWrite[] = [];
  for (const [name, kind] of Object.entries(tokenTensors)) {
    const tensor = gguf.tensors.get(name);
    if (tensor) tensors.push(await expandTensor(gguf, tensor, kind, rows, vocabulary.codebookSize));
  }
  await rewriteGguf(source, target, { metadata: metadataOf(gguf, vocabulary), tensors });
  return vocabulary;
}

/** Every tensor with a row for each token is known, and can be read and written. */
function requireTokenTensors({ file, tensors }: GgufFile, size: number): void {
  const embeddings = tensors.get("token_embd.weight");
  if (embeddings?.shape[0] !== size || embeddings.shape.length !== 2) {
    const received = embeddings?.shape;
    throw expected("INVALID_GGUF", `${size} rows, one for each token,`, `token_embd.weight of ${file}`, received);
  }
  for (const { name, shape, type } of tensors.values()) {
    const known = Object.hasOwn(tokenTensors, name);
    if (shape[0] === size && !known) {
      const received = `${name}, which has a row for each token too`;
      throw expectedBut("UNSUPPORTED", `only ${Object.keys(tokenTensors).join(", ")}`, file, received);
    }
    if (known && shape[0] !== size) throw expected("INVALID_GGUF", `${size} rows`, `${name} of ${file}`, shape);
    if (known && !EXPANDABLE.includes(type)) {
      const mend = "Expand the F16, BF16 or Q8_0 file of the model, and quantize what comes out with llama-quantize.";
      throw expectedBut("UNSUPPORTED", `one of ${EXPANDABLE.join(", ")}`, `${name} of ${file}`, type, mend);
    }
  }
}

async function expandTensor(
  gguf: GgufFile,
  { name, type, shape }: GgufTensor,
  kind: "embeddings" | "output" | "bias",
  rows: NewRows,
  codebookSize: number,
): Promise<GgufTensorToWrite> {
  const [size = 0, width = 1] = shape;
  const statistics = await rowStatistics(floatsOf(gguf, name), width);
  const added = () =>
    kind === "bias"
      ? newRows("output", "mean", statistics, codebookSize)
      : newRows(kind, rows, statistics, codebookSize);
  async function* data() {
    yield* readGgufTensorPieces(gguf, name);
    for (const piece of added()) yield encodeGgufTensor(type as GgufFloatType, piece);
  }
  return { name, type, shape: [size + 2 + codebookSize, ...shape.slice(1)], data: data() };

  async function* floatsOf(file: GgufFile, name: string) {
    for await (const piece of readGgufTensorPieces(file, name)) yield decodeGgufTensor(type, piece, `tensor ${name}`);
  }
}

function metadataOf({ file, metadata }: GgufFile, vocabulary: VisualVocabulary): [string, GgufValue][] {
  const names = newTokenNames(vocabulary.codebookSize);
  const tokens = metadata.get("tokenizer.ggml.tokens")!.value as readonly string[];
  const added = new Set(names);
  const taken = tokens.find((token) => added.has(token));
  if (taken !== undefined) throw expected("INVALID_ARGUMENT", "tokens of other names", file, taken);
  const values: [string, GgufValue][] = [
    ["tokenizer.ggml.tokens", ggufValue.strings([...tokens, ...names])],
    ["tokenizer.ggml.token_type", ggufValue.int32s([...typesOf(metadata, tokens.length), ...names.map(() => CONTROL)])],
  ];
  const scores = metadata.get("tokenizer.ggml.scores");
  if (scores !== undefined) {
    const known = scores.value as readonly number[];
    values.push(["tokenizer.ggml.scores", ggufValue.float32s([...known, ...names.map(() => ADDED_SCORE)])]);
  }
  const sizeKey = `${metadata.get("general.architecture")?.value}.vocab_size`;
  if (metadata.has(sizeKey)) values.push([sizeKey, ggufValue.uint32(tokens.length + names.length)]);
  return [...values, ...visualMetadata(vocabulary)];
}

function typesOf(metadata: GgufFile["metadata"], count: number): readonly number[] {
  const types = metadata.get("tokenizer.ggml.token_type");
  return types === undefined ? Array.from({ length: count }, () => NORMAL) : (types.value as readonly number[]);
}
