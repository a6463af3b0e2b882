import { join } from "node:path";
import { describe, expected, expectedBut, isObject, readJsonObject } from "../../../sdk/kit.ts";

/** A language model as llama.cpp knows it. */
export type TextArchitecture = "llama" | "qwen2" | "qwen3" | "qwen2vl" | "qwen3vl";

interface TextFamily {
  readonly architecture: TextArchitecture;
  /** The values that transformers gives to fields that config.json leaves out. */
  readonly defaults: Readonly<Record<string, number>>;
}

const llama: TextFamily = {
  architecture: "llama",
  defaults: {
    vocab_size: 32_000,
    hidden_size: 4096,
    intermediate_size: 11_008,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    max_position_embeddings: 2048,
    rms_norm_eps: 1e-6,
  },
};
const qwen2: TextFamily = {
  architecture: "qwen2",
  defaults: {
    vocab_size: 151_936,
    hidden_size: 4096,
    intermediate_size: 22_016,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    num_key_value_heads: 32,
    max_position_embeddings: 32_768,
    rms_norm_eps: 1e-6,
  },
};
const qwen3: TextFamily = { architecture: "qwen3", defaults: { ...qwen2.defaults, head_dim: 128 } };
const qwen2vl: TextFamily = {
  architecture: "qwen2vl",
  defaults: {
    ...qwen2.defaults,
    vocab_size: 152_064,
    hidden_size: 8192,
    intermediate_size: 29_568,
    num_hidden_layers: 80,
    num_attention_heads: 64,
    num_key_value_heads: 8,
    rms_norm_eps: 1e-5,
  },
};
const qwen3vl: TextFamily = {
  architecture: "qwen3vl",
  defaults: { ...qwen3.defaults, max_position_embeddings: 128_000 },
};

/** By `model_type` of the language model's part of config.json. */
const families: ReadonlyMap<string, TextFamily> = new Map([
  ["llama", llama],
  ["qwen2", qwen2],
  ["qwen3", qwen3],
  ["qwen2_vl", qwen2vl],
  ["qwen2_vl_text", qwen2vl],
  ["qwen2_5_vl", qwen2vl],
  ["qwen2_5_vl_text", qwen2vl],
  ["qwen3_vl", qwen3vl],
  ["qwen3_vl_text", qwen3vl],
]);

/** A language model's config, with what transformers would fill in. */
export interface TextConfig {
  readonly architecture: TextArchitecture;
  readonly layers: number;
  readonly contextLength: number;
  readonly width: number;
  readonly feedForward: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  /** Numbers a head; null where the config leaves it to width and heads. */
  readonly headDim: number | null;
  readonly vocabSize: number;
  readonly epsilon: number;
  readonly rope: Readonly<Record<string, unknown>>;
  readonly deepstackLayers: number;
  /** config.json as it is. */
  readonly raw: Readonly<Record<string, unknown>>;
  /** The language model's part of it. */
  readonly text: Readonly<Record<string, unknown>>;
}

/** Rope types that change nothing in the file, and those whose keys or tensors are written. */
const ROPE_TYPES = ["default", "mrope", "linear", "yarn", "llama3"];

/**
 * Reads the language model's part of a folder's config.json.
 * @throws CHECKPOINT_NOT_FOUND, INVALID_CONFIG; UNSUPPORTED for a model that is not known, or quantized weights
 */
export async function readTextConfig(folder: string): Promise<TextConfig> {
  const file = join(folder, "config.json");
  const raw = await readJsonObject(file, "INVALID_CONFIG");
  const inner = [raw.text_config, raw.llm_config].find(isObject);
  const text = inner ?? raw;
  const family = familyOf(text.model_type, file);
  if (raw.quantization_config !== undefined || text.quantization_config !== undefined) {
    throw expectedBut("UNSUPPORTED", "weights in F32, F16 or BF16", file, "a quantization_config", {
      mend: "Convert the model that was not quantized, and write Q8_0 by --dtype q8_0.",
    });
  }
  const count = (name: string, fallback = family.defaults[name]): number => {
    const value = text[name] ?? fallback;
    if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value < 2 ** 31) return value;
    throw expected("INVALID_CONFIG", "a whole number >= 1", `${name} of ${file}`, value);
  };
  const { architecture } = family;
  const heads = count("num_attention_heads");
  const width = count("hidden_size");
  const ownHeadDim = text.head_dim ?? family.defaults.head_dim ?? null;
  const headDim =
    architecture === "llama"
      ? count("head_dim", Math.floor(width / heads))
      : ownHeadDim === null
        ? null
        : count("head_dim");
  return {
    architecture,
    layers: count("num_hidden_layers"),
    contextLength: count("max_position_embeddings"),
    width,
    feedForward: count("intermediate_size"),
    heads,
    keyValueHeads: count("num_key_value_heads", family.defaults.num_key_value_heads ?? heads),
    headDim,
    vocabSize: count("vocab_size"),
    epsilon: positive(text.rms_norm_eps ?? family.defaults.rms_norm_eps, `rms_norm_eps of ${file}`),
    rope: ropeOf(text, file),
    deepstackLayers: deepstackLayersOf(raw),
    raw,
    text,
  };
}

function familyOf(modelType: unknown, file: string): TextFamily {
  const family = typeof modelType === "string" ? families.get(modelType) : undefined;
  if (family) return family;
  throw expectedBut(
    "UNSUPPORTED",
    `a language model of type ${[...families.keys()].join(", ")}`,
    file,
    `model_type ${describe(modelType)}`,
    "Convert others with llama.cpp's convert_hf_to_gguf.py.",
  );
}

/** The rope parameters of old configs (`rope_scaling`, `rope_theta`) and of new ones (`rope_parameters`) in one. */
function ropeOf(text: Readonly<Record<string, unknown>>, file: string): Record<string, unknown> {
  const given = [text.rope_parameters, text.rope_scaling].find(isObject) ?? {};
  const type = given.rope_type ?? given.type ?? "default";
  if (typeof type !== "string" || !ROPE_TYPES.includes(type)) {
    throw expected("UNSUPPORTED", `one of ${ROPE_TYPES.join(", ")}`, `the rope type of ${file}`, type);
  }
  const theta = given.rope_theta ?? text.rope_theta ?? 10_000;
  const rope = { ...given, rope_type: type, rope_theta: positive(theta, `rope_theta of ${file}`) };
  for (const name of ["factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"]) {
    const value = given[name];
    if (value !== undefined && value !== null) positive(value, `${name} of ${file}`);
  }
  return rope;
}

function positive(value: unknown, subject: string): number {
  if (typeof value === "number" && Number.isFinite(value) && value > 0) return value;
  throw expected("INVALID_CONFIG", "a number above 0", subject, value);
}

function deepstackLayersOf({ vision_config: vision }: Readonly<Record<string, unknown>>): number {
  if (!isObject(vision)) return 0;
  const indexes = vision.deepstack_visual_indexes ?? [8, 16, 24];
  return Array.isArray(indexes) ? indexes.length : 0;
}
