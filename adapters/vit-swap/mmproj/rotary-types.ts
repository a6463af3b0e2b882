import type { Projector } from "../../../sdk/index.ts";
import { expectedBut } from "../../../sdk/kit.ts";
import type { RotaryTower } from "../vision-tower.ts";

/** The types of llama.cpp that are written for towers with rotary positions, by a projector's `info.type`. */
export const rotaryTypes = {
  qwen2_vl: "qwen2vl_merger",
  qwen2_5_vl: "qwen2.5vl_merger",
  qwen3_vl: "qwen3vl_merger",
} as const;
/** Those that take another tower too: of Pixtral and Mistral 3 no new file is written. */
export const rotaryMmprojTypes = [...Object.values(rotaryTypes), "pixtral"] as const;
export type RotaryMmprojType = (typeof rotaryMmprojTypes)[number];
export const isRotaryMmprojType = (type: unknown): type is RotaryMmprojType =>
  rotaryMmprojTypes.some((known) => known === type);

export const isRotaryProjector = (type: string): type is keyof typeof rotaryTypes => Object.hasOwn(rotaryTypes, type);

/** What a graph of llama.cpp has in its code (tools/mtmd/models/qwen2vl.cpp, qwen3vl.cpp), where no key can change it. */
const FRAMES = 2;
const BASE = 10_000;
const CELL = 2;
const WINDOW_PIXELS = 112;

/**
 * The blocks of which each n-th sees the whole image; null for a tower without windows.
 * @throws UNSUPPORTED for a tower that llama.cpp's graph of `type` would compute differently
 */
export function requireGraph(
  { modelId, spec }: RotaryTower,
  type: RotaryMmprojType,
  projector: Projector,
): number | null {
  const { patchKernels, rotation, windowSide, patchSize, blocks, patchNorm, firstNorm, positions } = spec;
  const refuse = (what: string, received: string) =>
    expectedBut("UNSUPPORTED", what, `${type}, for ${modelId},`, received);
  const frames = patchKernels.reduce((sum, { shape }) => sum + (shape.length === 5 ? (shape[2] ?? 0) : 1), 0);
  if (frames !== FRAMES) throw refuse("patches of 2 frames", `patches of ${frames}`);
  if (rotation.base !== BASE || rotation.staggered) throw refuse("rotation by 10,000, alike in both axes", "another");
  if (firstNorm !== null || patchNorm !== null) throw refuse("no norm before the blocks", "one");
  if (blocks.some(({ headNorms }) => headNorms !== undefined)) throw refuse("no norms of heads", "some");
  if (projector.info.patchesPerToken !== CELL ** 2)
    throw refuse("cells of 2 x 2", `${projector.info.patchesPerToken} patches`);
  const isThird = type === "qwen3vl_merger";
  if ((positions !== null) !== isThird)
    throw refuse(`${isThird ? "" : "no "}learned positions`, isThird ? "none" : "some");
  const gated = blocks.every(({ mlp }) => mlp.type === "gated");
  const plain = blocks.every(({ mlp }) => mlp.type === "plain");
  if (type === "qwen2.5vl_merger" ? !gated : !plain)
    throw refuse("its own kind of MLP", gated ? "gated ones" : "plain ones");
  if (windowSide === null) return null;
  const first = blocks.findIndex(({ full }) => full) + 1;
  if (windowSide * patchSize !== WINDOW_PIXELS) throw refuse("windows of 112 pixels", `${windowSide * patchSize}`);
  if (first === 0 || blocks.some(({ full }, i) => full !== ((i + 1) % first === 0)))
    throw refuse("every n-th block over the whole image", "another order");
  return first;
}
