import { stat } from "node:fs/promises";
import type { GgufFileInfo } from "node-llama-cpp";
import { identityOf, openFile } from "../../../sdk/kit.ts";
import { type GgufTensor, ggufTensorOf, isGgufFloatType, readGgufTensorRows } from "../../gguf/index.ts";

/**
 * Architectures whose graph does the same with embeddings as with the rows of tokens: it takes either from
 * `build_inp_embd` and asks nowhere else which it was (llama.cpp v0.5.0, src/models). Gemma's scale their tokens alone.
 */
const ARCHITECTURES: ReadonlySet<string> = new Set([
  "internlm2",
  "lfm2",
  "llama",
  "mistral3",
  "phi3",
  "qwen2",
  "qwen3",
  "qwen3moe",
]);

const TABLE = "token_embd.weight";
/** Markers and words around images come again and again; 4 MB of a width of 4,096. */
const KEPT_ROWS = 256;

interface Table {
  readonly file: string;
  readonly version: string;
  readonly tensor: GgufTensor;
}

/**
 * The rows that a language model looks its tokens up in, read one by one from its GGUF file when they are asked for.
 * They only make decoding faster: where they cannot be read, the result is null and nothing is thrown.
 */
export class TokenEmbeddings {
  #table: Table | null;
  /** By token, in the order of their last use. */
  readonly #kept = new Map<number, Float32Array>();

  private constructor(table: Table | null) {
    this.#table = table;
  }

  /**
   * @param info node-llama-cpp's. It has parsed the header already, which takes seconds for a large vocabulary.
   * @param width of the embeddings that the model takes
   */
  static async open(info: GgufFileInfo, width: number): Promise<TokenEmbeddings> {
    const tensor = findTable(info, width);
    if (tensor === null || info.source?.type !== "path") return new TokenEmbeddings(null);
    const file = info.source.path;
    const status = await stat(file).catch(() => null);
    return new TokenEmbeddings(status && { file, tensor, version: identityOf(status) });
  }

  /** For a model whose rows differ from those of its file. */
  static none(): TokenEmbeddings {
    return new TokenEmbeddings(null);
  }

  /** [tokens, width], or null where they cannot be read. */
  async rowsOf(tokens: readonly number[]): Promise<Float32Array | null> {
    if (this.#table === null) return null;
    const [count = 0, width = 0] = this.#table.tensor.shape;
    if (tokens.some((token) => token >= count)) return null;
    const missing = [...new Set(tokens)].filter((token) => !this.#kept.has(token));
    const read = await readRows(this.#table, missing).catch(() => null);
    if (read === null) this.#table = null; // moved, replaced or damaged: it stays so
    if (read === null) return null;
    const found = new Map<number, Float32Array>();
    const rows = new Float32Array(tokens.length * width);
    for (const [i, token] of tokens.entries()) {
      const row = this.#kept.get(token) ?? read.get(token);
      if (row === undefined) return null;
      rows.set(row, i * width);
      found.set(token, row);
    }
    this.#keep(found);
    return rows;
  }

  #keep(rows: ReadonlyMap<number, Float32Array>): void {
    for (const [token, row] of rows) {
      this.#kept.delete(token);
      this.#kept.set(token, row);
    }
    for (const token of this.#kept.keys()) {
      if (this.#kept.size <= KEPT_ROWS) break;
      this.#kept.delete(token);
    }
  }
}

function findTable(info: GgufFileInfo, width: number): GgufTensor | null {
  const { metadata, architectureMetadata, splicedParts, fullTensorInfo } = info;
  if (!ARCHITECTURES.has(metadata.general.architecture) || splicedParts !== 1) return null;
  // No graph of these has a scale. A file that asks for one is of a kind that is not known here.
  if ("embedding_scale" in (architectureMetadata ?? {})) return null;
  const found = fullTensorInfo?.find(({ name }) => name === TABLE);
  if (found === undefined) return null;
  const { ggmlType: typeId, dimensions, fileOffset: offset } = found;
  const table = ggufTensorOf({ name: TABLE, typeId, dimensions, offset });
  if (table === null || !isGgufFloatType(table.type)) return null;
  return table.shape.length === 2 && table.shape[1] === width ? table : null;
}

/** By their tokens; null where the file is another one. */
async function readRows(
  { file, tensor, version }: Table,
  rows: readonly number[],
): Promise<ReadonlyMap<number, Float32Array> | null> {
  if (rows.length === 0) return new Map();
  const opened = await openFile(file);
  try {
    // What is loaded is the file as it was; rows of another one in its place would be nonsense.
    if (opened.identity !== version) return null;
    return await readGgufTensorRows(opened, tensor, rows);
  } finally {
    await opened.handle.close();
  }
}
