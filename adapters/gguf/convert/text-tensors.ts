import {
  encodeGgufTensor,
  expectedBut,
  type GgufFloatType,
  isWeightDtype,
  openFile,
  readTensor,
  type StoredTensor,
} from "../../../sdk/kit.ts";
import type { GgufTensorLayout } from "../lay-out.ts";
import type { TextConfig } from "./text-config.ts";

/** A tensor of the new file, and how its data comes. */
export interface TextTensor extends GgufTensorLayout {
  readonly type: GgufFloatType;
  pieces(): AsyncIterable<ArrayBufferView> | Iterable<ArrayBufferView>;
}

/** Numbers that are in memory at a time: 16 MiB in F32. */
const PIECE = 4 * 1024 * 1024;

/** Parts of a vision language model that are not the language model (conversion/base.py, `TextModel.filter_tensors`). */
const OTHER_STARTS = /^(mlp|vit\.|vpm\.|siglip2\.|conformer\.|merger\.|resampler\.)/;
const OTHER_PARTS =
  /visual\.|vision\.|audio\.|vision_|audio_|projector\.|pre_mm_projector_norm|image_newline|view_seperator|patch_embed|patch_merger\.|patch_merge_mlp\.|model\.connector\./;

/** What a block's tensors are called in a GGUF file. */
const blockNames: Readonly<Record<string, string>> = {
  input_layernorm: "attn_norm",
  post_attention_layernorm: "ffn_norm",
  "self_attn.q_proj": "attn_q",
  "self_attn.k_proj": "attn_k",
  "self_attn.v_proj": "attn_v",
  "self_attn.o_proj": "attn_output",
  "self_attn.q_norm": "attn_q_norm",
  "self_attn.k_norm": "attn_k_norm",
  "mlp.gate_proj": "ffn_gate",
  "mlp.up_proj": "ffn_up",
  "mlp.down_proj": "ffn_down",
};
const rootNames: Readonly<Record<string, string>> = {
  "model.embed_tokens": "token_embd",
  "model.norm": "output_norm",
  lm_head: "output",
};

interface NamedTensor {
  readonly name: string;
  /** What it is in a block, such as attn_q; null outside of blocks. */
  readonly part: string | null;
  readonly stored: StoredTensor;
}

/**
 * The language model's tensors in llama.cpp's order: by file and name.
 * @throws INVALID_CHECKPOINT for a tensor that is not known, missing, or no float
 */
export function languageTensors(
  tensors: ReadonlyMap<string, StoredTensor>,
  { layers }: TextConfig,
  folder: string,
): NamedTensor[] {
  const order = [...tensors.values()].sort((a, b) => compare(a.file, b.file) || compare(a.name, b.name));
  const named: NamedTensor[] = [];
  for (const stored of order) {
    const { name } = stored;
    const own = name.replaceAll("text_model.", "");
    if (OTHER_STARTS.test(own) || OTHER_PARTS.test(own) || own.endsWith(".rotary_emb.inv_freq")) continue;
    const target = targetName(own.replaceAll("language_model.", ""), layers);
    if (target === null) {
      const mend = "Check that config.json belongs to these weights.";
      throw expectedBut("INVALID_CHECKPOINT", "a language model's tensors", stored.file, `tensor ${name}`, mend);
    }
    if (!isWeightDtype(stored.dtype)) {
      throw expectedBut("INVALID_CHECKPOINT", "F32, F16 or BF16", `dtype of tensor ${name}`, stored.dtype);
    }
    named.push({ ...target, stored });
  }
  const there = new Set(named.map(({ name }) => name));
  const wanted = ["token_embd.weight", "output_norm.weight"];
  for (let i = 0; i < layers && wanted.every((name) => there.has(name)); i++) wanted.push(`blk.${i}.attn_q.weight`);
  const missing = wanted.find((name) => !there.has(name));
  if (missing !== undefined) throw expectedBut("INVALID_CHECKPOINT", `tensor ${missing}`, folder, "none");
  return named;
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

function targetName(name: string, layers: number): { name: string; part: string | null } | null {
  const [, stem = "", suffix = ""] = /^(.*)\.(weight|bias)$/.exec(name) ?? [];
  if (Object.hasOwn(rootNames, stem)) return { name: `${rootNames[stem]}.${suffix}`, part: null };
  const [, block = "", inner = ""] = /^model\.layers\.(\d+)\.(.*)$/.exec(stem) ?? [];
  if (!Object.hasOwn(blockNames, inner) || Number(block) >= layers) return null;
  const part = blockNames[inner] ?? "";
  return { name: `blk.${Number(block)}.${part}.${suffix}`, part };
}

/** The type that "auto" writes: that of the first matrix in 16 bits, F16 where there is none. */
export function automaticType(tensors: readonly NamedTensor[]): GgufFloatType {
  const half = tensors.find(({ stored: { shape, dtype } }) => shape.length >= 2 && dtype !== "F32");
  return half?.stored.dtype === "BF16" ? "BF16" : "F16";
}

/** How a tensor is written where the file's large tensors are `type`. */
export function textTensor({ name, part, stored }: NamedTensor, type: GgufFloatType, config: TextConfig): TextTensor {
  const { shape } = stored;
  const row = shape.at(-1) ?? 1;
  const small = shape.length <= 1 || name.endsWith("_norm.weight");
  const chosen = small ? "F32" : type === "Q8_0" && row % 32 !== 0 ? "F16" : type;
  const heads =
    config.architecture !== "llama"
      ? null
      : part === "attn_q"
        ? config.heads
        : part === "attn_k"
          ? config.keyValueHeads
          : null;
  return { name, type: chosen, shape, pieces: () => piecesOf(stored, chosen, heads) };
}

/** Reads rows by rows; with `heads`, transformers' order of rotary halves becomes llama.cpp's of pairs (`LlamaModel.permute`). */
async function* piecesOf(
  { name, dtype, shape, file, offset, length }: StoredTensor,
  type: GgufFloatType,
  heads: number | null,
): AsyncGenerator<ArrayBufferView> {
  if (!isWeightDtype(dtype)) throw expectedBut("INVALID_CHECKPOINT", "F32, F16 or BF16", name, dtype);
  const [rows = 1] = shape;
  const width = shape.slice(1).reduce((product, size) => product * size, 1);
  const headRows = heads === null ? null : rows / heads;
  if (headRows !== null && (headRows % 2 !== 0 || shape.length === 0)) {
    throw expectedBut("INVALID_CHECKPOINT", `rows for ${heads} heads`, `tensor ${name} in ${file}`, `${rows}`);
  }
  const step = headRows ?? Math.max(1, Math.floor(PIECE / Math.max(width, 1)));
  const rowBytes = rows === 0 ? 0 : length / rows;
  for (let row = 0; row < rows; row += step) {
    const count = Math.min(step, rows - row);
    const ref = { name, dtype, shape: [count, width], file, offset: offset + row * rowBytes, length: count * rowBytes };
    const values = await readTensor(ref);
    yield encodeGgufTensor(type, headRows === null ? values : pairs(values, headRows, width));
  }
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

/** Llama 3's factors of the rotary frequencies; null for other rope types (`generate_extra_tensors`). */
export function ropeFactors({ rope, headDim, architecture }: TextConfig): TextTensor | null {
  if (architecture !== "llama" || rope.rope_type !== "llama3" || headDim === null) return null;
  const number = (name: string, fallback: number) => (typeof rope[name] === "number" ? rope[name] : fallback);
  const base = number("rope_theta", 10_000);
  const factor = number("factor", 8);
  const low = number("low_freq_factor", 1);
  const high = number("high_freq_factor", 4);
  const context = number("original_max_position_embeddings", 8192);
  const f32 = Math.fround;
  const factors = Float32Array.from({ length: Math.ceil(headDim / 2) }, (_, i) => {
    const frequency = f32(1 / f32(base ** f32((2 * i) / headDim)));
    // torch divides a number by a tensor as the tensor's reciprocal times the number.
    const wavelength = f32(f32(1 / frequency) * f32(2 * Math.PI));
    if (wavelength < context / high) return 1;
    if (wavelength > context / low) return factor;
    const smooth = f32(f32(f32(f32(1 / wavelength) * context) - low) / f32(high - low));
    return f32(1 / f32(f32(f32(1 - smooth) / factor) + smooth));
  });
  return { name: "rope_freqs.weight", type: "F32", shape: [factors.length], pieces: () => [factors] };
}

/** Opens each file once, so that a missing one is found before anything is written. */
export async function requireReadable(tensors: readonly NamedTensor[]): Promise<void> {
  for (const file of new Set(tensors.map(({ stored }) => stored.file))) await (await openFile(file)).handle.close();
}
