import {
  decodeGgufTensor,
  encodeGgufTensor,
  type GgufFloatType,
  type GgufTensorToWrite,
  type GgufValue,
  ggufValue,
  writeGguf,
} from "../../adapters/gguf/index.ts";
import { gaussian, uniform } from "./random.ts";
import { byteLevelVocabulary, sentencePieceVocabulary, type TinyVocabulary } from "./tiny-vocabulary.ts";

export type TinyArchitecture = "llama" | "qwen3" | "qwen2vl" | "gemma3";

export interface TinyLlm {
  readonly path: string;
  readonly architecture: TinyArchitecture;
  readonly embeddingDim: number;
  /** Their texts, by id. */
  readonly tokens: readonly string[];
  /**
   * [tokens, embeddingDim]: the rows that the model looks its tokens up in. Fed as embeddings they give what the tokens
   * give, times `embeddingScale`.
   */
  readonly tokenEmbeddings: Float32Array;
  /** Gemma multiplies its token embeddings by the square root of their width, embeddings that are fed it does not. */
  readonly embeddingScale: number;
}

export interface TinyLlmOptions {
  readonly seed?: number;
  /** Of its embeddings; its attention and its MLP are wider by as much. */
  readonly width?: number;
  readonly layers?: number;
  /** Of the token embeddings; all else is F32. */
  readonly tableType?: GgufFloatType;
}

interface Sizes {
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly mlpWidth: number;
}

interface ArchitectureFacts {
  readonly vocabulary: () => TinyVocabulary;
  readonly metadata?: Readonly<Record<string, GgufValue>>;
  /** The output layer is the token embeddings. */
  readonly tied?: boolean;
  readonly qkvBias?: boolean;
  readonly qkNorm?: boolean;
  /** Norms after attention and after the MLP too. */
  readonly postNorms?: boolean;
  readonly embeddingScale?: number;
}

const WIDTH = 64;
const HEADS = 4;
const KEY_VALUE_HEADS = 2;
const HEAD_WIDTH = 16;
const LAYERS = 2;
const MLP_WIDTH = 128;

const architectures: Readonly<Record<TinyArchitecture, ArchitectureFacts>> = {
  llama: { vocabulary: sentencePieceVocabulary },
  qwen3: { vocabulary: byteLevelVocabulary, qkNorm: true },
  qwen2vl: {
    vocabulary: byteLevelVocabulary,
    metadata: { "rope.dimension_sections": ggufValue.int32s([2, 3, 3, 0]) },
    qkvBias: true,
  },
  gemma3: {
    vocabulary: sentencePieceVocabulary,
    metadata: { "attention.sliding_window": ggufValue.uint32(512) },
    tied: true,
    qkNorm: true,
    postNorms: true,
    embeddingScale: Math.sqrt(WIDTH),
  },
};

export const tinyArchitectures = Object.keys(architectures) as TinyArchitecture[];

/** Writes a text model of random weights, some 400 kB, that llama.cpp loads; the same `seed` gives the same file. */
export async function writeTinyLlm(
  path: string,
  architecture: TinyArchitecture,
  { seed = 42, width = WIDTH, layers = LAYERS, tableType = "F32" }: TinyLlmOptions = {},
): Promise<TinyLlm> {
  const facts = architectures[architecture];
  const times = Math.max(1, Math.floor(width / WIDTH));
  const sizes: Sizes = { width, layers, heads: HEADS * times, mlpWidth: MLP_WIDTH * times };
  const { heads, mlpWidth } = sizes;
  const { tokens, metadata } = facts.vocabulary();
  const random = uniform(seed);
  const tensors: GgufTensorToWrite[] = [];
  const add = (name: string, shape: readonly number[], data: Float32Array) =>
    tensors.push({ name, type: "F32", shape, data });
  const weight = (name: string, rows: number, columns: number, deviation = 0.15) =>
    add(name, [rows, columns], gaussian(random, rows * columns, deviation));
  const norm = (name: string, size: number, weight = 1) => add(name, [size], new Float32Array(size).fill(weight));

  // As large as what the blocks add, so that the output depends on both.
  const exact = gaussian(random, tokens.length * width, 1 / (facts.embeddingScale ?? 1));
  const table = encodeGgufTensor(tableType, exact);
  const bytes = Uint8Array.from(new Uint8Array(table.buffer, table.byteOffset, table.byteLength));
  const tokenEmbeddings = decodeGgufTensor(tableType, bytes, "token embeddings");
  tensors.push({ name: "token_embd.weight", type: tableType, shape: [tokens.length, width], data: table });
  norm("output_norm.weight", width);
  if (!facts.tied) weight("output.weight", tokens.length, width, 0.5);
  for (let layer = 0; layer < layers; layer++) {
    const block = `blk.${layer}`;
    norm(`${block}.attn_norm.weight`, width);
    const projections = { q: heads, k: KEY_VALUE_HEADS, v: KEY_VALUE_HEADS };
    for (const [name, count] of Object.entries(projections)) {
      weight(`${block}.attn_${name}.weight`, count * HEAD_WIDTH, width);
      if (facts.qkvBias)
        add(`${block}.attn_${name}.bias`, [count * HEAD_WIDTH], gaussian(random, count * HEAD_WIDTH, 0.1));
      if (facts.qkNorm && name !== "v") norm(`${block}.attn_${name}_norm.weight`, HEAD_WIDTH);
    }
    weight(`${block}.attn_output.weight`, width, heads * HEAD_WIDTH);
    norm(`${block}.ffn_norm.weight`, width);
    weight(`${block}.ffn_gate.weight`, mlpWidth, width);
    weight(`${block}.ffn_up.weight`, mlpWidth, width);
    weight(`${block}.ffn_down.weight`, width, mlpWidth);
    if (facts.postNorms) {
      // Where the output layer is the token embeddings, a smaller weight would say the last token again and again.
      norm(`${block}.post_attention_norm.weight`, width, 6);
      norm(`${block}.post_ffw_norm.weight`, width, 6);
    }
  }
  await writeGguf(path, [...modelMetadata(architecture, facts, sizes), ...metadata], tensors);
  const embeddingScale = facts.embeddingScale ?? 1;
  return { path, architecture, embeddingDim: width, tokens, tokenEmbeddings, embeddingScale };
}

function modelMetadata(architecture: TinyArchitecture, facts: ArchitectureFacts, sizes: Sizes): [string, GgufValue][] {
  const { uint32, float32, string } = ggufValue;
  const own: Record<string, GgufValue> = {
    block_count: uint32(sizes.layers),
    context_length: uint32(2048),
    embedding_length: uint32(sizes.width),
    feed_forward_length: uint32(sizes.mlpWidth),
    "attention.head_count": uint32(sizes.heads),
    "attention.head_count_kv": uint32(KEY_VALUE_HEADS),
    "attention.key_length": uint32(HEAD_WIDTH),
    "attention.value_length": uint32(HEAD_WIDTH),
    "attention.layer_norm_rms_epsilon": float32(1e-6),
    "rope.dimension_count": uint32(HEAD_WIDTH),
    "rope.freq_base": float32(10_000),
    ...facts.metadata,
  };
  return [
    ["general.architecture", string(architecture)],
    ["general.name", string(`tiny-${architecture}`)],
    ...Object.entries(own).map(([key, value]): [string, GgufValue] => [`${architecture}.${key}`, value]),
  ];
}
