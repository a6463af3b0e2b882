import { expectedBut } from "../../../sdk/kit.ts";
import type { GgufFile } from "../../gguf/index.ts";
import { equalHeads, fullRotary, noAttention, sections, writesNoText } from "./architectures.ts";
import { damaged, Metadata } from "./metadata.ts";

/** `LLAMA_MAX_LAYERS` and `LLAMA_MAX_EXPERTS`. */
const MAX_LAYERS = 512;
const MAX_EXPERTS = 1024;
/** `LLAMA_POOLING_TYPE_RANK` */
const MAX_POOLING = 4;
/** No model is as wide, and sizes that are multiplied with each other stay exact. */
const MAX_WIDTH = 2 ** 24;
/** `LLAMA_ROPE_SCALING_TYPES`. */
const ROPE_SCALING = ["none", "linear", "yarn", "longrope"];

/** Where they are given, they divide something, or are a side of a tensor. */
const POSITIVE = [
  "context_length",
  "embedding_length",
  "attention.key_length",
  "attention.value_length",
  "attention.key_length_swa",
  "attention.value_length_swa",
  "attention.key_length_mla",
  "attention.value_length_mla",
  "attention.group_norm_groups",
  "attention.indexer.head_count",
  "attention.indexer.key_length",
  "attention.output_group_count",
  "rope.scaling.original_context_length",
  "ssm.conv_kernel",
  "ssm.inner_size",
  "ssm.state_size",
  "ssm.time_step_rank",
  "full_attention_interval",
  "moe_every_n_layers",
  "hrm.layers_per_stack",
  "hrm.h_cycles",
  "hrm.l_cycles",
  "kda.head_dim",
  "wkv.head_size",
  "token_shift_count",
];
const NOT_NEGATIVE = [
  "attention.layer_norm_epsilon",
  "attention.layer_norm_rms_epsilon",
  "attention.group_norm_epsilon",
  "attention.max_alibi_bias",
];

/** @throws INVALID_GGUF, UNSUPPORTED as `checkLlm` */
export function checkSizes(gguf: GgufFile): void {
  const model = new Metadata(gguf);
  if (writesNoText(model.architecture)) {
    const received = `one of the architecture ${model.architecture}`;
    throw expectedBut("UNSUPPORTED", "a language model that writes text", model.file, received, { path: model.file });
  }
  for (const key of POSITIVE) {
    const value = model.number(key);
    model.require(value === undefined || (value >= 1 && value < 2 ** 31), "a number of at least 1", key, value);
  }
  for (const key of NOT_NEGATIVE) {
    const value = model.number(key);
    model.require(value === undefined || value >= 0, "a number of at least 0", key, value);
  }
  // A model of experts alone, or without attention, needs none.
  const isDense = [...gguf.tensors.keys()].some((name) => /\.ffn_(up|gate|down)\.weight$/.test(name));
  const mlp = Math.max(0, ...model.numbers("feed_forward_length"));
  model.require(mlp >= 1 || !isDense, "a number of at least 1", "feed_forward_length", mlp);
  const pooling = model.number("pooling_type") ?? 0;
  model.require(pooling <= MAX_POOLING, `a number from 0 to ${MAX_POOLING}`, "pooling_type", pooling);
  checkLayers(model);
  checkExperts(model);
  checkHeads(model);
  checkRotary(model);
  if (fullRotary(model.architecture)) checkProjections(model, gguf);
}

function checkLayers(model: Metadata): void {
  const width = model.number("embedding_length");
  model.require(width === undefined || width <= MAX_WIDTH, `at most ${MAX_WIDTH}`, "embedding_length", width);
  const layers = model.number("block_count");
  if (layers === undefined) return;
  model.require(layers >= 1 && layers <= MAX_LAYERS, `a number from 1 to ${MAX_LAYERS}`, "block_count", layers);
  const extra = model.number("nextn_predict_layers") ?? 0;
  model.require(extra < layers, `fewer than the ${layers} layers`, "nextn_predict_layers", extra);
  const stack = model.number("n_deepstack_layers") ?? 0;
  model.require(stack <= layers, `at most the ${layers} layers`, "n_deepstack_layers", stack);
  const shared = model.number("attention.shared_kv_layers") ?? 0;
  model.require(shared + 2 <= layers || shared === 0, `at most ${layers - 2}`, "attention.shared_kv_layers", shared);
}

function checkExperts(model: Metadata): void {
  const experts = model.number("expert_count") ?? 0;
  model.require(experts <= MAX_EXPERTS, `at most ${MAX_EXPERTS}`, "expert_count", experts);
  const used = Math.max(0, ...model.numbers("expert_used_count"));
  const groups = model.number("expert_group_count") ?? 0;
  if (experts === 0) {
    model.require(used === 0, "0, as there are no experts,", "expert_used_count", used);
    model.require(groups === 0, "0, as there are no experts,", "expert_group_count", groups);
    return;
  }
  // HunyuanVL's dense models have one expert, which llama.cpp takes for none.
  if (experts === 1 && model.architecture.startsWith("hunyuan")) return;
  model.require(used >= 1 && used <= experts, `a number from 1 to ${experts}`, "expert_used_count", used);
  model.require(groups < experts, `less than ${experts}`, "expert_group_count", groups);
  if (groups <= 1) return;
  model.require(experts % groups === 0, `a divisor of ${experts}`, "expert_group_count", groups);
  const usedGroups = model.number("expert_group_used_count") ?? 0;
  const holds = usedGroups >= 1 && usedGroups < groups;
  model.require(holds, `a number from 1 to ${groups - 1}`, "expert_group_used_count", usedGroups);
}

function checkHeads(model: Metadata): void {
  if (noAttention(model.architecture)) return;
  const width = model.number("embedding_length");
  const heads = model.numbers("attention.head_count");
  if (width === undefined) return; // refused by llama.cpp
  const most = Math.max(0, ...heads);
  const key = "attention.head_count";
  model.require(heads.length > 1 || most >= 1, "a number of at least 1", key, most);
  model.require(most <= width, `at most the width, ${width},`, key, most);
  const keyValue = model.numbers("attention.head_count_kv");
  for (const [layer, count] of heads.entries()) {
    const shared = keyValue[keyValue.length === 1 ? 0 : layer];
    if (shared === undefined) continue;
    const divides = shared === 0 ? keyValue.length > 1 : count % shared === 0;
    model.require(divides, `a divisor of the ${count} heads`, "attention.head_count_kv", shared);
  }
  const [first = 1] = heads;
  const natural = Math.floor(width / Math.max(first, 1));
  const [keyLength, valueLength] = headLengths(model, natural);
  const isEqual = keyLength === valueLength || !equalHeads(model.architecture);
  model.require(isEqual, `${keyLength}, as its keys have,`, "attention.value_length", valueLength);
  model.require(keyLength <= MAX_WIDTH, `at most ${MAX_WIDTH}`, "attention.key_length", keyLength);
}

/** Some graphs shape what the attention's linears give by the heads, and compare the linears with the width alone. */
function checkProjections(model: Metadata, { tensors }: GgufFile): void {
  const heads = model.numbers("attention.head_count");
  const shared = model.numbers("attention.head_count_kv");
  const width = model.number("embedding_length") ?? 0;
  const [keyLength, valueLength] = headLengths(model, Math.floor(width / Math.max(heads[0] ?? 1, 1)));
  const at = (list: readonly number[], layer: number) => list[list.length === 1 ? 0 : layer] ?? 0;
  for (const { name, shape } of tensors.values()) {
    const [, layer, part] = /^blk\.(\d+)\.attn_([qkv])\.weight$/.exec(name) ?? [];
    if (layer === undefined) continue;
    const count = at(part === "q" || shared.length === 0 ? heads : shared, Number(layer));
    const rows = count * (part === "v" ? valueLength : keyLength);
    if (shape[0] === rows) continue;
    throw damaged(model.file, `${rows} rows, for ${count} heads,`, `tensor ${name}`, `[${shape.join(", ")}]`);
  }
}

function headLengths(model: Metadata, natural: number): [number, number] {
  return [model.number("attention.key_length") ?? natural, model.number("attention.value_length") ?? natural];
}

function checkRotary(model: Metadata): void {
  const scaling = model.text("rope.scaling.type");
  const known = scaling === undefined || ROPE_SCALING.includes(scaling);
  model.require(known, `one of ${ROPE_SCALING.join(", ")}`, "rope.scaling.type", scaling);
  const width = model.number("embedding_length");
  const [heads] = model.numbers("attention.head_count");
  if (width === undefined || heads === undefined || heads === 0) return;
  const [keyLength] = headLengths(model, Math.floor(width / heads));
  for (const key of ["rope.dimension_count", "rope.dimension_count_swa"]) {
    const count = model.number(key) ?? keyLength;
    const length = (key.endsWith("_swa") ? model.number("attention.key_length_swa") : undefined) ?? keyLength;
    // Models of latent attention rotate a part of the head that has a length of its own.
    const isOwn = model.number("attention.key_length_mla") !== undefined;
    model.require(count <= length || isOwn, `at most the ${length} of a head`, key, count);
    const isWhole = count === length || key.endsWith("_swa") || !fullRotary(model.architecture);
    model.require(isWhole, `${length}, as a head has,`, key, count);
    model.require(
      count % 2 === 0 && (count >= 2 || noAttention(model.architecture)),
      "an even number above 0",
      key,
      count,
    );
  }
  if (!sections(model.architecture)) return;
  const parts = model.numbers("rope.dimension_sections");
  const isSplit = parts.every((part) => part >= 0) && parts.slice(0, 3).some((part) => part > 0);
  model.require(parts.length === 0 || isSplit, "numbers that are not all 0", "rope.dimension_sections", parts);
}
