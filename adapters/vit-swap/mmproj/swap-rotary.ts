import { expected, expectedBut } from "../../../sdk/kit.ts";
import { type GgufFile, type GgufValue, ggufValue, readGguf, requireOtherFile, rewriteGguf } from "../../gguf/index.ts";
import { mismatches, requireFit } from "../compare.ts";
import type { ParsedOptions } from "../options.ts";
import type { SwapPlan } from "../swap-plan.ts";
import type { TowerFact, TowerFacts } from "../tower-facts.ts";
import { isRotary, loadEncoder, type RotaryTower } from "../vision-tower.ts";
import { type Part, partToWrite, towerParts } from "./rotary-parts.ts";
import { isRotaryMmprojType, type RotaryMmprojType, rotaryMmprojTypes } from "./rotary-types.ts";
import { fileType, type MmprojFloat } from "./tower-data.ts";

interface RotarySwapPlan extends SwapPlan {
  readonly file: GgufFile;
  readonly projectorType: RotaryMmprojType;
  readonly dtype: MmprojFloat;
  readonly parts: readonly Part[];
}

/** What may differ: the file is written with the encoder's pixels then, and with rounded weights. */
const allowable: ReadonlySet<TowerFact> = new Set(["mean", "std", "dtype"]);

/**
 * Looks at a swap of a tower with rotary positions in an mmproj file. Nothing is written.
 * @throws as `VQRAE.load` of the mmproj; UNSUPPORTED for another type of mmproj; INCOMPATIBLE for a tower of another build;
 *   INVALID_ARGUMENT for an output that is the input
 */
export async function planRotarySwap(
  path: string,
  encoder: RotaryTower,
  out: string,
  options: ParsedOptions,
): Promise<RotarySwapPlan> {
  const file = await readGguf(path);
  if (!options.inPlace) await requireOtherFile(file, out);
  const type = typeOf(file);
  const own = await loadEncoder(path);
  if (!isRotary(own)) throw expected("UNSUPPORTED", "a tower with rotary positions", path, type);
  requireSameBuild(own, encoder, path);
  const stored = factsOf(own);
  const given = factsOf(encoder);
  const found = mismatches(
    { ...stored, ...(options.float && { dtype: options.float }) },
    { ...given, ...(options.float && { dtype: options.float }) },
    allowable,
  );
  const isFused = file.tensors.has("v.blk.0.attn_qkv.weight");
  return {
    kind: "mmproj",
    file,
    projectorType: type,
    features: { layers: [encoder.spec.blocks.length], finalNorm: false },
    dtype: options.float ?? (stored.dtype === "F32" ? "F32" : "F16"),
    found,
    words: null,
    parts: towerParts(encoder.spec, { isFused, isInterleaved: type === "pixtral" }),
  };
}

/** Writes `out`: the mmproj with the encoder in place of its tower; all else is kept. Gives the plan that it followed. */
export async function swapRotaryMmproj(
  path: string,
  encoder: RotaryTower,
  out: string,
  options: ParsedOptions,
): Promise<RotarySwapPlan> {
  const plan = await planRotarySwap(path, encoder, out, options);
  const { file, found, dtype, parts } = plan;
  requireFit(found, options.allow, path, encoder.modelId);
  const { mean, std } = encoder.pixels;
  const metadata: [string, GgufValue][] = [
    [...fileType(dtype)],
    ["clip.vision.image_mean", ggufValue.float32s(mean)],
    ["clip.vision.image_std", ggufValue.float32s(std)],
  ];
  const tensors = parts.map((part) => partToWrite(part, part.large ? dtype : "F32"));
  await rewriteGguf(file.file, out, { metadata, tensors }, { inPlace: options.inPlace });
  return plan;
}

function typeOf({ metadata, file }: GgufFile): RotaryMmprojType {
  const keys = ["clip.vision.projector_type", "clip.projector_type"];
  const type = keys.map((key) => metadata.get(key)?.value).find((found) => found !== undefined);
  if (isRotaryMmprojType(type)) return type;
  const what = `one of ${rotaryMmprojTypes.join(", ")}, for an encoder with rotary positions,`;
  throw expected("UNSUPPORTED", what, `the projector type of ${file}`, type);
}

/** What has no fact of its own: all towers of a family agree in it, unless they are of another size. */
function requireSameBuild(
  { spec: own, modelId }: RotaryTower,
  { spec: given, modelId: other }: RotaryTower,
  path: string,
) {
  const frames = ({ patchKernels }: typeof own) =>
    patchKernels.reduce((sum, { shape }) => sum + (shape.length === 5 ? (shape[2] ?? 0) : 1), 0);
  const checks: Readonly<Record<string, (spec: typeof own) => unknown>> = {
    "frames of a patch": frames,
    "base of the rotation": ({ rotation }) => rotation.base,
    "frequencies of the rotation": ({ rotation }) => (rotation.staggered ? "staggered" : "alike in both axes"),
    "window side (patches)": ({ windowSide }) => windowSide ?? "no windows",
    "blocks that see the whole image": ({ blocks }) => blocks.flatMap(({ full }, i) => (full ? [i] : [])).join(", "),
    MLPs: ({ blocks }) => blocks[0]?.mlp.type ?? "none",
  };
  for (const [what, of] of Object.entries(checks)) {
    if (of(own) === of(given) || own.blocks.length !== given.blocks.length) continue;
    throw expectedBut("INCOMPATIBLE", `${what}: ${of(own)}, as ${modelId} has it,`, other, String(of(given)), { path });
  }
}

function factsOf({ spec, pixels }: RotaryTower): TowerFacts {
  const [block] = spec.blocks;
  const query = block?.attention.linears.query;
  return {
    width: spec.hiddenSize,
    mlpWidth: block?.mlp.into.linears.up.weight.shape[0] ?? 0,
    depth: spec.blocks.length,
    heads: spec.heads,
    patch: spec.patchSize,
    imageSize: null,
    tokens: null,
    positions: spec.positions === null ? 0 : spec.positions.side ** 2,
    classToken: false,
    registers: 0,
    patchBias: spec.patchBias !== null,
    firstNorm: spec.firstNorm !== null,
    norms: block?.attention.norm?.bias ? "LayerNorm" : "RMSNorm",
    epsilon: spec.epsilon,
    finalNorm: false,
    qkNorm: false,
    qkvBias: query?.bias !== null,
    layerScale: false,
    activation: block?.mlp.activation ?? "none",
    layer: null,
    mean: pixels.mean,
    std: pixels.std,
    dtype: query?.weight.dtype ?? "F32",
  };
}
