import {
  encodeGgufTensor,
  expectedBut,
  type GgufFloatType,
  isWeightDtype,
  narrowF16,
  openFile,
  readExactly,
  readTensor,
  type StoredTensor,
  widenF16,
} from "../../../sdk/kit.ts";
import type { GgufTensorLayout } from "../lay-out.ts";
import { type ExpertTensor, ExpertTensors, expertOf } from "./experts.ts";
import type { TextConfig } from "./families/text-family.ts";

/** A tensor of the new file, and how its data comes. */
export interface TextTensor extends GgufTensorLayout {
  readonly type: GgufFloatType;
  pieces(): AsyncIterable<ArrayBufferView> | Iterable<ArrayBufferView>;
}

/** Numbers that are in memory at a time, 16 MiB in F32, or bytes where they are copied. */
const PIECE = 4 * 1024 * 1024;

/** Parts of a vision language model that are not the language model (conversion/base.py, `TextModel.filter_tensors`). */
const OTHER_STARTS = /^(mlp|vit\.|vpm\.|siglip2\.|conformer\.|merger\.|resampler\.)/;
const OTHER_PARTS =
  /visual\.|vision\.|audio\.|vision_|audio_|projector\.|pre_mm_projector_norm|image_newline|view_seperator|patch_embed|patch_merger\.|patch_merge_mlp\.|model\.connector\./;

/** What Janus has besides (conversion/janus_pro.py). */
const JANUS_PARTS = /^model\.(aligner|vqmodel|generation_(embeddings|aligner|head))\./;

/** Parts that are F32 in every file, as norms and vectors are. */
const ALWAYS_F32 = ["ffn_gate_inp", "shortconv.conv"];

/** A tensor of the new file: one of the checkpoint's, or the same matrix of all experts. */
export interface NamedTensor extends ExpertTensor {
  readonly name: string;
  /** What it is in a block, such as attn_q; null outside of blocks. */
  readonly part: string | null;
}

/**
 * The language model's tensors in llama.cpp's order: by shard and name, and where torch saved them as they were saved.
 * @throws INVALID_CHECKPOINT for a tensor that is not known, missing, or no float
 */
export function languageTensors(
  tensors: ReadonlyMap<string, StoredTensor>,
  config: TextConfig,
  folder: string,
  byTorch: boolean,
): NamedTensor[] {
  // Not by the file's path: in the hub's cache that is a link's target, named by its hash.
  const files = [...new Set([...tensors.values()].map(({ file }) => file))];
  const order = [...tensors.values()].sort(
    (a, b) =>
      files.indexOf(a.file) - files.indexOf(b.file) || (byTorch ? a.offset - b.offset : a.name < b.name ? -1 : 1),
  );
  const named: NamedTensor[] = [];
  const experts = new ExpertTensors(config);
  for (const stored of order) {
    const { name } = stored;
    const own = name.replaceAll("text_model.", "");
    const isOther = [OTHER_STARTS, OTHER_PARTS, JANUS_PARTS].some((parts) => parts.test(own));
    if (isOther || own.endsWith(".rotary_emb.inv_freq")) continue;
    if (!isWeightDtype(stored.dtype)) {
      throw expectedBut("INVALID_CHECKPOINT", "F32, F16 or BF16", `dtype of tensor ${name}`, stored.dtype);
    }
    const plain = own.replaceAll("language_model.", "");
    const expert = expertOf(plain, config);
    if (expert !== null) {
      for (const { part, ...tensor } of experts.add(expert, stored)) {
        named.push({ ...tensor, name: `blk.${expert.block}.${part}.weight`, part });
      }
      continue;
    }
    const target = targetName(plain, config);
    if (target === null) {
      const mend = "Check that config.json belongs to these weights.";
      throw expectedBut("INVALID_CHECKPOINT", "a language model's tensors", stored.file, `tensor ${name}`, mend);
    }
    const shape = target.part === "shortconv.conv" ? stored.shape.filter((_, i) => i !== 1) : stored.shape;
    named.push({ ...target, shape, dtype: stored.dtype, matrices: [stored] });
  }
  const there = new Set(named.map(({ name }) => name));
  const missing = wantedNames(config).find((name) => !there.has(name));
  if (missing !== undefined) throw expectedBut("INVALID_CHECKPOINT", `tensor ${missing}`, folder, "none");
  experts.requireComplete(folder);
  return named;
}

/** Those that every model has: not the output, which may be the embeddings. */
function* wantedNames({ family, layers }: TextConfig): Generator<string> {
  for (const name of Object.values(family.rootNames)) if (name !== "output") yield `${name}.weight`;
  for (let i = 0; i < layers; i++) yield `blk.${i}.attn_norm.weight`;
}

function targetName(name: string, { family, layers }: TextConfig): { name: string; part: string | null } | null {
  const [, stem = "", suffix = ""] = /^(.*)\.(weight|bias)$/.exec(name) ?? [];
  if (Object.hasOwn(family.rootNames, stem)) return { name: `${family.rootNames[stem]}.${suffix}`, part: null };
  const [, block = "", inner = ""] = /^model\.layers\.(\d+)\.(.*)$/.exec(stem) ?? [];
  if (!Object.hasOwn(family.blockNames, inner) || Number(block) >= layers) return null;
  const part = family.blockNames[inner] ?? "";
  return { name: `blk.${Number(block)}.${part}.${suffix}`, part };
}

/** The type that "auto" writes: that of the first matrix in 16 bits, F16 where there is none. */
export function automaticType(tensors: readonly NamedTensor[]): GgufFloatType {
  const half = tensors.find(({ shape, dtype }) => shape.length >= 2 && dtype !== "F32");
  return half?.dtype === "BF16" ? "BF16" : "F16";
}

/** How a tensor is written where the file's large tensors are `type`. */
export function textTensor(tensor: NamedTensor, type: GgufFloatType, config: TextConfig): TextTensor {
  const { name, part, shape, matrices, columns } = tensor;
  const row = shape.at(-1) ?? 1;
  const small = shape.length <= 1 || name.endsWith("_norm.weight") || ALWAYS_F32.includes(part ?? "");
  const chosen = small ? "F32" : type === "Q8_0" && row % 32 !== 0 ? "F16" : type;
  const shifted = config.family.shiftedNorms && name.endsWith("norm.weight");
  const heads = part === "attn_q" ? config.heads : part === "attn_k" ? config.keyValueHeads : null;
  const change: Change = {
    ...(shifted && { shift: 1 }),
    ...(config.family.rotaryPairs && heads !== null && { heads }),
    ...(columns && { columns }),
  };
  return {
    name,
    type: chosen,
    shape,
    async *pieces() {
      for (const matrix of matrices) yield* piecesOf(matrix, chosen, change);
    },
  };
}

/** What becomes of a matrix beside its type. */
interface Change {
  /** Is added to each number. */
  readonly shift?: number;
  /** Rows of transformers' rotary halves, of so many heads, become llama.cpp's pairs (`LlamaModel.permute`). */
  readonly heads?: number;
  /** These columns become rows. */
  readonly columns?: { readonly from: number; readonly count: number };
}

/** Reads rows by rows. */
async function* piecesOf(
  { name, dtype, shape, file, offset, length }: StoredTensor,
  type: GgufFloatType,
  { shift, heads, columns }: Change,
): AsyncGenerator<ArrayBufferView> {
  if (!isWeightDtype(dtype)) throw expectedBut("INVALID_CHECKPOINT", "F32, F16 or BF16", name, dtype);
  const [rows = 1] = shape;
  const width = shape.slice(1).reduce((product, size) => product * size, 1);
  const headRows = heads === undefined ? null : rows / heads;
  if (headRows !== null && (headRows % 2 !== 0 || shape.length === 0)) {
    throw expectedBut("INVALID_CHECKPOINT", `rows for ${heads} heads`, `tensor ${name} in ${file}`, `${rows}`);
  }
  if (type === dtype && headRows === null && !columns && shift === undefined) {
    yield* storedBytes(file, offset, length);
    return;
  }
  const step = columns ? rows : (headRows ?? Math.max(1, Math.floor(PIECE / Math.max(width, 1))));
  const rowBytes = rows === 0 ? 0 : length / rows;
  for (let row = 0; row < rows; row += step) {
    const count = Math.min(step, rows - row);
    const ref = { name, dtype, shape: [count, width], file, offset: offset + row * rowBytes, length: count * rowBytes };
    const values = await readTensor(ref);
    if (headRows !== null) yield encodeGgufTensor(type, pairs(values, headRows, width));
    else if (columns) yield encodeGgufTensor(type, transposed(values, rows, width, columns));
    else if (shift !== undefined) yield encodeGgufTensor(type, shifted(values, shift, dtype));
    else yield encodeGgufTensor(type, values);
  }
}

/** A tensor that is written as it is stored. */
async function* storedBytes(file: string, offset: number, length: number): AsyncGenerator<ArrayBufferView> {
  const opened = await openFile(file);
  try {
    for (let done = 0; done < length; done += PIECE) {
      yield await readExactly(opened, offset + done, Math.min(PIECE, length - done));
    }
  } finally {
    await opened.handle.close();
  }
}

/** The converter adds in the checkpoint's F16, but in F32 to BF16. */
function shifted(values: Float32Array, shift: number, dtype: string): Float32Array {
  const sums = values.map((value) => value + shift);
  return dtype === "F16" ? widenF16(narrowF16(sums)) : sums;
}

/** Rows 0, n/2, 1, n/2 + 1, ... of a head's n. */
function pairs(values: Float32Array, rows: number, width: number): Float32Array {
  const paired = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    const from = (row % 2) * (rows / 2) + Math.floor(row / 2);
    paired.set(values.subarray(from * width, (from + 1) * width), row * width);
  }
  return paired;
}

function transposed(
  values: Float32Array,
  rows: number,
  width: number,
  { from, count }: NonNullable<Change["columns"]>,
): Float32Array {
  const turned = new Float32Array(rows * count);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < count; column++) {
      turned[column * rows + row] = values[row * width + from + column] ?? 0;
    }
  }
  return turned;
}

/** Opens each file once, so that a missing one is found before anything is written. */
export async function requireReadable(tensors: readonly NamedTensor[]): Promise<void> {
  const files = new Set(tensors.flatMap(({ matrices }) => matrices.map(({ file }) => file)));
  for (const file of files) await (await openFile(file)).handle.close();
}
