import type { RotaryVitBlock } from "../../nn/rotary-vit/spec.ts";
import type { TensorLookup } from "../../weights/tensor-lookup.ts";
import { linearGroup, type NormRef } from "../../weights/tensor-ref.ts";
import type { FamilySource } from "../family.ts";
import { readImagePlan } from "../image/read-image-plan.ts";
import { qwen2VlImageProcessor } from "./image.ts";

/** Images as Qwen-VL's own processor prepares them. */
export function qwenVlImagePlan(
  { patch_size: patchSize, spatial_merge_size: merge }: { patch_size: number; spatial_merge_size: number },
  source: FamilySource,
) {
  const own = qwen2VlImageProcessor(merge);
  return readImagePlan(source, { imageSize: null, patchSize, grids: "native" }, own, [own]);
}

/** The tower's own tensors: a checkpoint has them below "visual." or "model.visual.". */
export function qwenVlTensors(tensors: TensorLookup): TensorLookup {
  const [prefix = ""] = tensors.prefixesOf("patch_embed.proj.weight");
  return tensors.below(prefix);
}

/** The attention of a block, whose names all Qwen-VLs share. */
export function qwenVlAttention(
  block: TensorLookup,
  d: number,
  norm: NormRef,
): Pick<RotaryVitBlock, "attention" | "attentionOut"> {
  const [query, key, value] = block.fusedLinears("attn.qkv", [d, d]);
  return {
    attention: linearGroup({ query, key, value }, { norm }),
    attentionOut: linearGroup({ out: block.linear("attn.proj", [d, d]) }),
  };
}

/** What the towers of all Qwen-VLs have in common. */
export const qwenVlTower = {
  epsilon: 1e-6,
  rotation: { base: 10_000, staggered: false },
  firstNorm: null,
} as const;
