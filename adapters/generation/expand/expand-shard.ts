import { openFile, readExactly, type StoredTensor, streamSafetensors } from "../../../sdk/kit.ts";
import { decodeGgufTensor, encodeGgufTensor } from "../../gguf/index.ts";
import { type NewRows, newRows, rowStatistics } from "./new-rows.ts";

/** Read at once, about. */
const PIECE_BYTES = 16 * 1024 * 1024;

/** What rows can be stored as. */
export const EXPANDABLE = ["F32", "F16", "BF16"] as const;
type Expandable = (typeof EXPANDABLE)[number];
export const isExpandable = (dtype: string): dtype is Expandable => EXPANDABLE.some((known) => known === dtype);

/** A tensor with a row for each token. */
export interface TokenTensor {
  readonly kind: "embeddings" | "output";
  readonly type: Expandable;
}

export interface Expansion {
  /** Rows that are kept. */
  readonly tokens: number;
  /** Rows of the result. */
  readonly size: number;
  readonly codebookSize: number;
  readonly rows: NewRows;
}

/**
 * Writes a weights file with new rows for the tensors of `expandable`.
 * @param tensors of the file
 */
export async function writeShard(
  path: string,
  tensors: readonly StoredTensor[],
  expandable: ReadonlyMap<StoredTensor, TokenTensor>,
  expansion: Expansion,
): Promise<void> {
  const shapeOf = (tensor: StoredTensor) =>
    expandable.has(tensor) ? [expansion.size, ...tensor.shape.slice(1)] : tensor.shape;
  const layout = tensors.map((tensor) => ({ name: tensor.name, dtype: tensor.dtype, shape: shapeOf(tensor) }));
  await streamSafetensors(path, layout, { format: "pt" }, async (write) => {
    for (const tensor of tensors) {
      const found = expandable.get(tensor);
      await write(tensor.name, found === undefined ? rowsOf(tensor, 0) : await expanded(tensor, found, expansion));
    }
  });
}

/** The rows of the tokens, the new ones, and the rest of those that are there where they are more. */
async function expanded(
  tensor: StoredTensor,
  { kind, type }: TokenTensor,
  { tokens, size, codebookSize, rows }: Expansion,
) {
  const [, width = 1] = tensor.shape;
  const floats = async function* () {
    for await (const piece of rowsOf(tensor, 0, tokens)) yield decodeGgufTensor(type, piece, `tensor ${tensor.name}`);
  };
  const statistics = await rowStatistics(floats(), width);
  return (async function* () {
    yield* rowsOf(tensor, 0, tokens);
    for (const piece of newRows(kind, rows, statistics, codebookSize)) yield encodeGgufTensor(type, piece);
    if (size === tensor.shape[0]) yield* rowsOf(tensor, tokens + 2 + codebookSize);
  })();
}

/** The bytes of a tensor's rows from `first` to before `end`, in pieces of whole rows. */
async function* rowsOf({ file, offset, length, shape }: StoredTensor, first: number, end = shape[0] ?? 1) {
  const rowBytes = length / (shape[0] ?? 1);
  const opened = await openFile(file);
  try {
    const atOnce = Math.max(1, Math.floor(PIECE_BYTES / rowBytes));
    for (let row = first; row < end; row += atOnce) {
      yield await readExactly(opened, offset + row * rowBytes, Math.min(atOnce, end - row) * rowBytes);
    }
  } finally {
    await opened.handle.close();
  }
}
