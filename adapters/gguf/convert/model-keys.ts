import { basename, join, resolve } from "node:path";
import { type GgufFloatType, type GgufValue, ggufValue, isFile, readJsonObject } from "../../../sdk/kit.ts";
import type { OwnKeys, TextConfig } from "./families/text-family.ts";
import { type CardFields, cardKeys, cardText, readModelCard } from "./model-card.ts";
import { type ModelSizes, nameParts, sizeLabelOf, titleOf } from "./model-name.ts";

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
 * @param sizes how many numbers the file's tensors hold
 */
export async function modelKeys(
  folder: string,
  config: TextConfig,
  type: GgufFloatType,
  sizes: ModelSizes,
  givenName: string | undefined,
): Promise<Map<string, GgufValue>> {
  const { architecture, keys: ownKeys } = config.family;
  const card = await readModelCard(folder);
  const keys = new Map<string, GgufValue>([
    ["general.architecture", string(architecture)],
    ["general.type", string("model")],
    ...(await samplingKeys(folder)),
    ...nameKeys(folder, config, sizes, givenName, card),
    ...cardKeys(card, sizes.parameters),
  ]);
  const add = (own: OwnKeys) => {
    for (const [key, value] of own) keys.set(`${architecture}.${key}`, value);
  };
  const optional = (key: string, value: number | null | undefined): OwnKeys =>
    typeof value === "number" ? [[key, uint32(value)]] : [];
  add([
    ["block_count", uint32(config.layers)],
    ["context_length", uint32(config.contextLength)],
    ["embedding_length", uint32(config.width)],
    ["feed_forward_length", uint32(config.feedForward)],
    ["attention.head_count", uint32(config.heads)],
    ["attention.head_count_kv", uint32(config.keyValueHeads)],
    ...ropeKeys(config),
    ["attention.layer_norm_rms_epsilon", float32(config.epsilon)],
    ...optional("expert_count", config.experts?.count),
    ...optional("expert_used_count", config.experts?.used),
    ...optional("attention.key_length", config.headDim),
    ...optional("attention.value_length", config.headDim),
  ]);
  keys.set("general.file_type", uint32(FILE_TYPES[type]));
  add(ownKeys?.(config) ?? []);
  keys.set("general.quantization_version", uint32(2));
  return keys;
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

function nameKeys(
  folder: string,
  { raw }: TextConfig,
  sizes: ModelSizes,
  givenName: string | undefined,
  card: CardFields,
): [string, GgufValue][] {
  const origin = raw._name_or_path;
  const ids = [basename(resolve(folder))];
  if (typeof origin === "string" && origin !== "" && origin.split("/").length <= 2) ids.unshift(origin);
  const all = ids.map((id) => nameParts(id, sizes.parameters));
  const first = (part: keyof (typeof all)[number]) => all.map((parts) => parts[part]).find((value) => value !== null);
  const title = (value: string | null | undefined) => (typeof value === "string" ? titleOf(value) : null);
  const stated = (name: string) => cardText(card, name, `model_${name}`);
  const values: [string, string | undefined | null][] = [
    ["name", givenName ?? stated("name") ?? title(first("name")) ?? ""],
    ["author", stated("author") ?? cardText(card, "model_creator")],
    ["version", stated("version") ?? first("version")],
    ["organization", stated("organization") ?? title(first("organization"))],
    ["finetune", stated("finetune") ?? first("finetune")],
    ["basename", stated("basename") ?? cardText(card, "model_type") ?? first("basename")],
    ["description", stated("description")],
    ["size_label", stated("size_label") ?? first("sizeLabel") ?? sizeLabelOf(sizes)],
  ];
  return values.flatMap(([key, value]): [string, GgufValue][] =>
    value === undefined || value === null ? [] : [[`general.${key}`, string(value)]],
  );
}

function ropeKeys({ rope, windowRopeBase }: TextConfig): OwnKeys {
  const number = (field: string, key: string): OwnKeys => {
    const value = rope[field];
    return typeof value === "number" ? [[key, float32(value)]] : [];
  };
  const sections = Array.isArray(rope.mrope_section) ? [...rope.mrope_section.map(Number), 0, 0, 0, 0] : null;
  return [
    ...scalingKeys(rope, number),
    ...(sections ? [["rope.dimension_sections", int32s(sections.slice(0, 4))] as const] : []),
    ...number("rope_theta", "rope.freq_base"),
    ...(windowRopeBase === null ? [] : [["rope.freq_base_swa", float32(windowRopeBase)] as const]),
  ];
}

function scalingKeys(rope: TextConfig["rope"], number: (field: string, key: string) => OwnKeys): OwnKeys {
  const { rope_type: type, factor, original_max_position_embeddings: context } = rope;
  if ((type !== "linear" && type !== "yarn") || typeof factor !== "number") return [];
  const scaling: OwnKeys = [
    ["rope.scaling.type", string(type)],
    ["rope.scaling.factor", float32(factor)],
  ];
  if (type === "linear") return scaling;
  return [
    ...scaling,
    ...(typeof context === "number" ? [["rope.scaling.original_context_length", uint32(context)] as const] : []),
    ...number("extrapolation_factor", "rope.scaling.yarn_ext_factor"),
    ...number(
      rope.attention_factor === undefined ? "attn_factor" : "attention_factor",
      "rope.scaling.yarn_attn_factor",
    ),
    ...number("beta_fast", "rope.scaling.yarn_beta_fast"),
    ...number("beta_slow", "rope.scaling.yarn_beta_slow"),
  ];
}
