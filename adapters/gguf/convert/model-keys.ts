import { basename, join, resolve } from "node:path";
import { type GgufFloatType, type GgufValue, ggufValue, isFile, readJsonObject } from "../../../sdk/kit.ts";
import { nameParts, sizeLabelOf, titleOf } from "./model-name.ts";
import type { TextConfig } from "./text-config.ts";

const { float32, int32s, string, uint32 } = ggufValue;

/** llama.cpp's `llama_ftype`. */
const FILE_TYPES: Readonly<Record<GgufFloatType, number>> = { F32: 0, F16: 1, Q8_0: 7, BF16: 32 };

/** Fields of generation_config.json and the keys of a file that they become. */
const sampling: readonly (readonly [field: string, key: string, value: (given: number) => GgufValue])[] = [
  ["top_k", "top_k", (given) => ({ type: "int32", value: given })],
  ["top_p", "top_p", float32],
  ["min_p", "min_p", float32],
  ["temperature", "temp", float32],
  ["repetition_penalty", "penalty_repeat", float32],
];

/**
 * The keys before the tokenizer's, in llama.cpp's order.
 * @param parameters how many numbers the file's tensors hold
 */
export async function modelKeys(
  folder: string,
  config: TextConfig,
  type: GgufFloatType,
  parameters: number,
  givenName: string | undefined,
): Promise<[string, GgufValue][]> {
  const { architecture } = config;
  const own = (key: string, value: GgufValue): [string, GgufValue] => [`${architecture}.${key}`, value];
  const optional = (key: string, value: number | null): [string, GgufValue][] =>
    value === null ? [] : [own(key, uint32(value))];
  const headDim = architecture === "llama" ? config.headDim : null;
  return [
    ["general.architecture", string(architecture)],
    ["general.type", string("model")],
    ...(await samplingKeys(folder)),
    ...nameKeys(folder, config, parameters, givenName),
    own("block_count", uint32(config.layers)),
    own("context_length", uint32(config.contextLength)),
    own("embedding_length", uint32(config.width)),
    own("feed_forward_length", uint32(config.feedForward)),
    own("attention.head_count", uint32(config.heads)),
    own("attention.head_count_kv", uint32(config.keyValueHeads)),
    ...ropeKeys(config).map(([key, value]) => own(key, value)),
    own("attention.layer_norm_rms_epsilon", float32(config.epsilon)),
    ...optional("attention.key_length", config.headDim),
    ...optional("attention.value_length", config.headDim),
    ["general.file_type", uint32(FILE_TYPES[type])],
    ...(architecture === "llama" ? [own("vocab_size", uint32(config.vocabSize))] : []),
    ...optional("rope.dimension_count", headDim),
    ...(architecture === "qwen3vl" ? [own("n_deepstack_layers", uint32(config.deepstackLayers))] : []),
    ["general.quantization_version", uint32(2)],
  ];
}

async function samplingKeys(folder: string): Promise<[string, GgufValue][]> {
  const file = join(folder, "generation_config.json");
  if (!(await isFile(file))) return [];
  const fields = await readJsonObject(file, "INVALID_CONFIG");
  return sampling.flatMap(([field, key, value]): [string, GgufValue][] => {
    const given = fields[field];
    return typeof given === "number" ? [[`general.sampling.${key}`, value(given)]] : [];
  });
}

function nameKeys(folder: string, { raw }: TextConfig, parameters: number, givenName: string | undefined) {
  const origin = raw._name_or_path;
  const ids = [basename(resolve(folder))];
  if (typeof origin === "string" && origin !== "" && origin.split("/").length <= 2) ids.unshift(origin);
  const all = ids.map((id) => nameParts(id, parameters));
  const first = (part: keyof (typeof all)[number]) => all.map((parts) => parts[part]).find((value) => value !== null);
  const name = first("name");
  const values: [string, string | undefined | null][] = [
    ["name", givenName ?? (name ? titleOf(name) : "")],
    ["version", first("version")],
    ["organization", first("organization") && titleOf(first("organization") ?? "")],
    ["finetune", first("finetune")],
    ["basename", first("basename")],
    ["size_label", first("sizeLabel") ?? sizeLabelOf(parameters)],
  ];
  return values.flatMap(([key, value]): [string, GgufValue][] =>
    value === undefined || value === null ? [] : [[`general.${key}`, string(value)]],
  );
}

function ropeKeys({ rope }: TextConfig): [string, GgufValue][] {
  const number = (field: string, key: string): [string, GgufValue][] => {
    const value = rope[field];
    return typeof value === "number" ? [[key, float32(value)]] : [];
  };
  const scaling: [string, GgufValue][] = [];
  if ((rope.rope_type === "linear" || rope.rope_type === "yarn") && typeof rope.factor === "number") {
    scaling.push(["rope.scaling.type", string(rope.rope_type)], ["rope.scaling.factor", float32(rope.factor)]);
    const context = rope.original_max_position_embeddings;
    if (rope.rope_type === "yarn") {
      if (typeof context === "number") scaling.push(["rope.scaling.original_context_length", uint32(context)]);
      scaling.push(
        ...number("extrapolation_factor", "rope.scaling.yarn_ext_factor"),
        ...number("attention_factor", "rope.scaling.yarn_attn_factor"),
        ...number("beta_fast", "rope.scaling.yarn_beta_fast"),
        ...number("beta_slow", "rope.scaling.yarn_beta_slow"),
      );
    }
  }
  const sections = Array.isArray(rope.mrope_section) ? rope.mrope_section.map(Number) : null;
  return [
    ...scaling,
    ...(sections
      ? [["rope.dimension_sections", int32s([...sections, 0, 0, 0, 0].slice(0, 4))] as [string, GgufValue]]
      : []),
    ...number("rope_theta", "rope.freq_base"),
  ];
}
