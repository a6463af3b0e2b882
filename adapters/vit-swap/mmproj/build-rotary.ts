import { basename } from "node:path";
import { loadProjector, type Projector, type ProjectorOp } from "../../../sdk/index.ts";
import { expectedBut } from "../../../sdk/kit.ts";
import { type GgufValue, ggufValue, writeGguf } from "../../gguf/index.ts";
import type { ParsedOptions } from "../options.ts";
import type { SwapPlan } from "../swap-plan.ts";
import type { RotaryTower } from "../vision-tower.ts";
import { type Part, pair, partToWrite, type TowerLayout, towerParts } from "./rotary-parts.ts";
import { isRotaryProjector, type RotaryMmprojType, requireGraph, rotaryTypes } from "./rotary-types.ts";
import { fileType, type MmprojFloat } from "./tower-data.ts";

/** What a new mmproj with a Qwen-VL's tower will be. */
interface RotaryPlan extends SwapPlan {
  readonly projectorType: RotaryMmprojType;
  readonly projector: Projector;
  readonly dtype: MmprojFloat;
  /** Each n-th block sees the whole image; null where all do. */
  readonly fullEvery: number | null;
}

/**
 * Looks at a tower with rotary positions and the projector in `folder` for a new mmproj. Nothing is written.
 * @throws as `loadProjector`; INCOMPATIBLE for a tower that the projector does not fit; UNSUPPORTED for what llama.cpp's graph
 *   would compute differently
 */
export async function planRotaryMmproj(
  folder: string,
  tower: RotaryTower,
  _out: string,
  options: ParsedOptions,
): Promise<RotaryPlan> {
  const projector = await loadProjector(folder);
  const { type } = projector.info;
  if (!isRotaryProjector(type)) {
    const what = `one of ${Object.keys(rotaryTypes).join(", ")}, for an encoder with rotary positions,`;
    throw expectedBut("UNSUPPORTED", what, `the projector ${folder}`, type);
  }
  tower.requireFit(projector);
  const projectorType = rotaryTypes[type];
  return {
    kind: "new mmproj",
    projectorType,
    projector,
    features: { layers: [tower.spec.blocks.length], finalNorm: false },
    dtype: options.float ?? "F16",
    found: [],
    words: null,
    fullEvery: requireGraph(tower, projectorType, projector),
  };
}

/** Writes `out`, an mmproj of the tower and the projector in `folder`, as llama.cpp's converter does. Gives its plan. */
export async function buildRotaryMmproj(
  folder: string,
  tower: RotaryTower,
  out: string,
  options: ParsedOptions,
): Promise<RotaryPlan> {
  const plan = await planRotaryMmproj(folder, tower, out, options);
  const { projectorType: type, projector, dtype: float } = plan;
  const { string, bool } = ggufValue;
  const keys: (readonly [key: string, value: GgufValue])[] = [
    ["general.architecture", string("clip")],
    ["general.type", string("mmproj")],
    ["general.name", string(`${tower.modelId} and the projector of ${basename(folder)}`)],
    fileType(float),
    ["clip.has_vision_encoder", bool(true)],
    ["clip.projector_type", string(type)],
    ...towerKeys(tower, plan),
  ];
  const layout: TowerLayout = { isFused: type === "qwen3vl_merger", isInterleaved: false };
  const parts = [...towerParts(tower.spec, layout), ...mergerParts(projector)];
  const tensors = parts.map((part) => partToWrite(part, part.large ? float : "F32"));
  await writeGguf(out, keys, tensors);
  return plan;
}

function towerKeys({ spec, pixels }: RotaryTower, plan: RotaryPlan): [string, GgufValue][] {
  const { uint32, float32, float32s, bool } = ggufValue;
  const { outputDim, deepstackLevels } = plan.projector.info;
  const tapped = (plan.projector.deepstack ?? []).map(({ layer }) => layer);
  const isTapped = spec.blocks.map((_, i) => tapped.includes(i + 1));
  const deepstack: GgufValue = { type: "array", of: "bool", value: isTapped };
  const [mlp] = spec.blocks.map((block) => block.mlp);
  const at = (name: string) => `clip.vision.${name}`;
  const act = mlp?.type === "gated" ? "clip.use_silu" : mlp?.activation === "quick_gelu" ? null : "clip.use_gelu";
  return [
    ...(act === null ? [] : ([[act, bool(true)]] satisfies [string, GgufValue][])),
    [at("projection_dim"), uint32(outputDim / (1 + deepstackLevels))],
    // Of the towers without a table it is the size that the runtime warms up with.
    [at("image_size"), uint32(spec.positions ? spec.positions.side * spec.patchSize : 560)],
    [at("patch_size"), uint32(spec.patchSize)],
    [at("embedding_length"), uint32(spec.hiddenSize)],
    [at("feed_forward_length"), uint32(mlp?.into.linears.up.weight.shape[0] ?? 0)],
    [at("block_count"), uint32(spec.blocks.length)],
    [at("attention.head_count"), uint32(spec.heads)],
    [at("attention.layer_norm_epsilon"), float32(spec.epsilon)],
    [at("spatial_merge_size"), uint32(2)],
    ...(tapped.length > 0 ? ([[at("is_deepstack_layers"), deepstack]] satisfies [string, GgufValue][]) : []),
    [at("image_mean"), float32s(pixels.mean)],
    [at("image_std"), float32s(pixels.std)],
    ...(plan.fullEvery === null
      ? []
      : ([[at("n_wa_pattern"), uint32(plan.fullEvery)]] satisfies [string, GgufValue][])),
  ];
}

function mergerParts(projector: Projector): Part[] {
  const { ops, deepstack = [], info } = projector;
  const [norm, ...rest] = ops;
  const levels = deepstack.flatMap(({ layer, ops }) => {
    const [shuffle, own, ...others] = ops;
    const at = `v.deepstack.${layer - 1}`;
    return [
      ...normParts(`${at}.norm`, own, info.modelId),
      ...mlpParts(`${at}.fc1`, `${at}.fc2`, [shuffle, ...others], info.modelId),
    ];
  });
  return [...normParts("v.post_ln", norm, info.modelId), ...mlpParts("mm.0", "mm.2", rest, info.modelId), ...levels];
}

function normParts(name: string, op: ProjectorOp | undefined, modelId: string): Part[] {
  if (op?.op === "layer_norm") return pair(name, op);
  if (op?.op === "rms_norm" && op.offset === 0) return pair(name, { weight: op.weight, bias: null });
  throw notMerger(modelId);
}

/** Cells, a linear, GELU, a linear. */
function mlpParts(first: string, second: string, ops: readonly (ProjectorOp | undefined)[], modelId: string): Part[] {
  const [shuffle, into, act, out, ...more] = ops;
  const isMlp = shuffle?.op === "pixel_shuffle" && act?.op === "activation" && act.kind === "gelu" && more.length === 0;
  if (!isMlp || into?.op !== "linear" || out?.op !== "linear" || into.transposed || out.transposed)
    throw notMerger(modelId);
  return [...pair(first, into), ...pair(second, out)];
}

const notMerger = (modelId: string) =>
  expectedBut("UNSUPPORTED", "a norm, cells of patches and two linears", `the merger ${modelId}`, "other steps");
