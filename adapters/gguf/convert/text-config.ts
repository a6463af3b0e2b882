import { join } from "node:path";
import { describe, expected, expectedBut, isFile, isObject, readJsonObject } from "../../../sdk/kit.ts";
import { gemma3 } from "./families/gemma3.ts";
import { lfm2 } from "./families/lfm2.ts";
import { llama, ministral3, mistral, mistral3 } from "./families/llama.ts";
import { qwens } from "./families/qwen.ts";
import type { TextConfig, TextFamily } from "./families/text-family.ts";

type Fields = Readonly<Record<string, unknown>>;

const families: readonly TextFamily[] = [llama, mistral, ministral3, ...qwens, gemma3, lfm2];

/** Rope types that change nothing in the file, and those whose keys or tensors are written. */
const ROPE_TYPES = ["default", "mrope", "linear", "yarn", "llama3"];

/**
 * Reads the language model's part of a folder's config.json.
 * @throws CHECKPOINT_NOT_FOUND, INVALID_CONFIG; UNSUPPORTED for a model that is not known, or quantized weights
 */
export async function readTextConfig(folder: string): Promise<TextConfig> {
  const file = join(folder, "config.json");
  if (!(await isFile(file)) && (await isFile(join(folder, "params.json")))) {
    const mend =
      "Take the files of transformers from the same repository, config.json first, or a GGUF file of the model.";
    throw expectedBut("UNSUPPORTED", "config.json of transformers", folder, "Mistral's own layout (params.json)", {
      path: join(folder, "params.json"),
      mend,
    });
  }
  const raw = await readJsonObject(file, "INVALID_CONFIG");
  const inner = [raw.text_config, raw.llm_config].find(isObject);
  const text = inner ?? raw;
  const family = familyOf(
    raw.model_type,
    text.model_type ?? (raw.model_type === "gemma3" ? "gemma3_text" : null),
    file,
  );
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
  const heads = count("num_attention_heads");
  const width = count("hidden_size");
  const headDimDefault = family.defaults.head_dim ?? (family.headDimFromWidth ? Math.floor(width / heads) : null);
  const hasHeadDim = (text.head_dim ?? headDimDefault) !== null;
  const experts = text.num_local_experts === undefined ? "num_experts" : "num_local_experts";
  const epsilon = family.defaults.norm_eps === undefined ? "rms_norm_eps" : "norm_eps";
  const config: TextConfig = {
    family,
    layers: count("num_hidden_layers"),
    contextLength: count("max_position_embeddings"),
    width,
    feedForward: count("intermediate_size"),
    heads,
    keyValueHeads: count("num_key_value_heads", family.defaults.num_key_value_heads ?? heads),
    headDim: hasHeadDim ? count("head_dim", headDimDefault ?? undefined) : null,
    vocabSize: count("vocab_size"),
    epsilon: positive(text[epsilon] ?? family.defaults[epsilon], `${epsilon} of ${file}`),
    experts:
      family.defaults.num_experts === undefined ? null : { count: count(experts), used: count("num_experts_per_tok") },
    rope: ropeOf(text, family, file),
    windowRopeBase: windowRopeBase(text, family, file),
    raw,
    text,
  };
  family.check?.(config, file);
  return config;
}

function familyOf(whole: unknown, modelType: unknown, file: string): TextFamily {
  if (whole === "mistral3" && modelType === "mistral") return mistral3;
  const family = families.find(({ modelTypes }) => typeof modelType === "string" && modelTypes.includes(modelType));
  if (family) return family;
  throw expectedBut(
    "UNSUPPORTED",
    `a language model of type ${families.flatMap(({ modelTypes }) => modelTypes).join(", ")}`,
    file,
    `model_type ${describe(modelType)}`,
    "Convert others with llama.cpp's convert_hf_to_gguf.py.",
  );
}

/** The parameters of layers with another rope than the rest, in new configs. */
function ropePart(text: Fields, name: "full_attention" | "sliding_attention"): Fields | undefined {
  const part = isObject(text.rope_parameters) ? text.rope_parameters[name] : undefined;
  return isObject(part) ? part : undefined;
}

/** The rope parameters of old configs (`rope_scaling`, `rope_theta`) and of new ones (`rope_parameters`) in one. */
function ropeOf(text: Fields, family: TextFamily, file: string): Record<string, unknown> {
  const whole = ropePart(text, "full_attention") ?? text.rope_parameters;
  const given = [whole, text.rope_scaling].find(isObject) ?? {};
  const type = given.rope_type ?? given.type ?? "default";
  if (typeof type !== "string" || !ROPE_TYPES.includes(type)) {
    throw expected("UNSUPPORTED", `one of ${ROPE_TYPES.join(", ")}`, `the rope type of ${file}`, type);
  }
  const theta = given.rope_theta ?? text.rope_theta ?? family.defaults.rope_theta ?? 10_000;
  const rope = { ...given, rope_type: type, rope_theta: positive(theta, `rope_theta of ${file}`) };
  for (const name of ["factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"]) {
    const value = given[name];
    if (value !== undefined && value !== null) positive(value, `${name} of ${file}`);
  }
  return rope;
}

function windowRopeBase(text: Fields, family: TextFamily, file: string): number | null {
  const fallback = family.defaults.rope_local_base_freq;
  if (fallback === undefined) return null;
  const given = ropePart(text, "sliding_attention")?.rope_theta ?? text.rope_local_base_freq ?? fallback;
  return positive(given, `the rotary base of windows in ${file}`);
}

function positive(value: unknown, subject: string): number {
  if (typeof value === "number" && Number.isFinite(value) && value > 0) return value;
  throw expected("INVALID_CONFIG", "a number above 0", subject, value);
}
