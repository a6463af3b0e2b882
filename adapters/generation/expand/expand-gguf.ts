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
  isGgufFloatType,
  readGguf,
  readGgufTensorPieces,
  rewriteGguf,
} from "../../gguf/index.ts";
import {
  hasVisualVocabulary,
  tokenNumbers,
  visualMetadata,
  vocabularySize,
  vocabularyTokens,
} from "../vocabulary/metadata.ts";
import { newTokenNames, type VisualVocabulary } from "../vocabulary/visual-vocabulary.ts";
import { type ExpandOptions, expandedVocabulary } from "./expand-options.ts";
import { type NewRows, newRows, rowStatistics } from "./new-rows.ts";

/** The tensors with a row for each token, and what their rows are. */
const tokenTensors: ReadonlyMap<string, TokenTensorKind> = new Map([
  ["token_embd.weight", "embeddings"],
  ["output.weight", "output"],
  ["output.bias", "bias"],
]);
type TokenTensorKind = "embeddings" | "output" | "bias";
/** A tensor with a row for each token, of a type that rows can be made of. */
type TokenTensor = GgufTensor & { readonly type: GgufFloatType };

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
  const { rows = "mean" } = options;
  const tensors: GgufTensorToWrite[] = [];
  for (const [tensor, kind] of tokenTensorsOf(gguf, size)) {
    tensors.push(await expandTensor(gguf, tensor, kind, rows, vocabulary.codebookSize));
  }
  await rewriteGguf(source, target, { metadata: metadataOf(gguf, vocabulary), tensors });
  return vocabulary;
}

/** The tensors with a row for each token. Every one is known, and can be read and written. */
function tokenTensorsOf({ file, tensors }: GgufFile, size: number): Map<TokenTensor, TokenTensorKind> {
  const embeddings = tensors.get("token_embd.weight");
  if (embeddings?.shape[0] !== size || embeddings.shape.length !== 2) {
    const received = embeddings?.shape;
    throw expected("INVALID_GGUF", `${size} rows, one for each token,`, `token_embd.weight of ${file}`, received);
  }
  const found = new Map<TokenTensor, TokenTensorKind>();
  for (const tensor of tensors.values()) {
    const { name, shape, type } = tensor;
    const kind = tokenTensors.get(name);
    if (kind === undefined) {
      if (shape[0] !== size) continue;
      const received = `${name}, which has a row for each token too`;
      throw expectedBut("UNSUPPORTED", `only ${[...tokenTensors.keys()].join(", ")}`, file, received);
    }
    if (shape[0] !== size) throw expected("INVALID_GGUF", `${size} rows`, `${name} of ${file}`, shape);
    if (!isGgufFloatType(type)) {
      const mend = "Expand the F16, BF16 or Q8_0 file of the model, and quantize what comes out with llama-quantize.";
      throw expectedBut("UNSUPPORTED", "one of F32, F16, BF16, Q8_0", `${name} of ${file}`, type, mend);
    }
    found.set({ ...tensor, type }, kind);
  }
  return found;
}

async function expandTensor(
  gguf: GgufFile,
  { name, type, shape }: TokenTensor,
  kind: TokenTensorKind,
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
    for (const piece of added()) yield encodeGgufTensor(type, piece);
  }
  return { name, type, shape: [size + 2 + codebookSize, ...shape.slice(1)], data: data() };

  async function* floatsOf(file: GgufFile, name: string) {
    for await (const piece of readGgufTensorPieces(file, name)) yield decodeGgufTensor(type, piece, `tensor ${name}`);
  }
}

function metadataOf(gguf: GgufFile, vocabulary: VisualVocabulary): [string, GgufValue][] {
  const { file, metadata } = gguf;
  const names = newTokenNames(vocabulary.codebookSize);
  const tokens = vocabularyTokens(gguf);
  const added = new Set(names);
  const taken = tokens.find((token) => added.has(token));
  if (taken !== undefined) throw expected("INVALID_ARGUMENT", "tokens of other names", file, taken);
  const types = tokenNumbers(gguf, "tokenizer.ggml.token_type") ?? tokens.map(() => NORMAL);
  const values: [string, GgufValue][] = [
    ["tokenizer.ggml.tokens", ggufValue.strings([...tokens, ...names])],
    ["tokenizer.ggml.token_type", ggufValue.int32s([...types, ...names.map(() => CONTROL)])],
  ];
  const scores = tokenNumbers(gguf, "tokenizer.ggml.scores");
  if (scores !== undefined) {
    values.push(["tokenizer.ggml.scores", ggufValue.float32s([...scores, ...names.map(() => ADDED_SCORE)])]);
  }
  const sizeKey = `${metadata.get("general.architecture")?.value}.vocab_size`;
  if (metadata.has(sizeKey)) values.push([sizeKey, ggufValue.uint32(tokens.length + names.length)]);
  return [...values, ...visualMetadata(vocabulary)];
}
