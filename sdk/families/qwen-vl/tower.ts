import type { VideoPlan, ViewPlan } from "../../image/view-plan.ts";
import type { Activation } from "../../nn/layers/activation.ts";
import type { RotaryVitBlock } from "../../nn/rotary-vit/spec.ts";
import type { TensorLookup } from "../../weights/tensor-lookup.ts";
import { linearGroup, type NormRef, type TensorRef } from "../../weights/tensor-ref.ts";
import type { FamilySource } from "../family.ts";
import { readImagePlan } from "../image/read-image-plan.ts";
import { qwen2VlImageProcessor } from "./image.ts";
import { qwenVlVideoPlan } from "./video.ts";

/** Images and videos as Qwen-VL's own processors prepare them. */
export async function qwenVlImagePlan(
  config: { readonly patch_size: number; readonly spatial_merge_size: number; readonly temporal_patch_size: number },
  source: FamilySource,
  video: Pick<VideoPlan, "pixelsOf" | "time">,
): Promise<ViewPlan> {
  const { patch_size: patchSize, spatial_merge_size: merge } = config;
  const own = qwen2VlImageProcessor(merge);
  const plan = await readImagePlan(source, { imageSize: null, patchSize, grids: "native" }, own, [own]);
  if (plan.geometry !== "native" || config.temporal_patch_size !== 2) return plan;
  return { ...plan, video: await qwenVlVideoPlan(source, { ...video, patchSize, merge }) };
}

/** The tower's own tensors: a checkpoint has them below "visual." or "model.visual.". */
export function qwenVlTensors(tensors: TensorLookup): TensorLookup {
  const [prefix = ""] = tensors.prefixesOf("patch_embed.proj.weight");
  return tensors.below(prefix);
}

/** The attention of a block, whose names all Qwen-VLs and GLM-4V share. Some mmproj files have its three linears apart. */
export function qwenVlAttention(
  block: TensorLookup,
  d: number,
  norm: NormRef,
  { bias = true, outBias = true }: { readonly bias?: boolean; readonly outBias?: boolean } = {},
): Pick<RotaryVitBlock, "attention" | "attentionOut"> {
  const apart = (name: string) => block.linear(`attn.${name}`, [d, d], bias);
  const [query, key, value] = block.has("attn.q.weight")
    ? [apart("q"), apart("k"), apart("v")]
    : block.fusedLinears("attn.qkv", [d, d], bias);
  return {
    attention: linearGroup({ query, key, value }, { norm }),
    attentionOut: linearGroup({ out: block.linear("attn.proj", [d, d], outBias) }),
  };
}

/** What the towers of all Qwen-VLs have in common. */
export const qwenVlTower = (
  own: TensorLookup,
  config: { readonly num_heads: number; readonly patch_size: number; readonly temporal_patch_size: number },
  hiddenSize: number,
) =>
  ({
    epsilon: 1e-6,
    rotation: { base: 10_000, staggered: false, interleaved: false },
    patchNorm: null,
    firstNorm: null,
    hiddenSize,
    heads: config.num_heads,
    patchSize: config.patch_size,
    patchKernels: patchKernels(own, config, hiddenSize),
  }) as const;

/** One kernel over all frames, or in an mmproj one for each of two. */
export function patchKernels(
  own: TensorLookup,
  { patch_size: p, temporal_patch_size: frames }: { readonly patch_size: number; readonly temporal_patch_size: number },
  d: number,
): TensorRef[] {
  const name = "patch_embed.proj.weight";
  if (!own.has(`${name}.1`)) return [own.tensor(name, [d, 3, frames, p, p])];
  return [own.tensor(name, [d, 3, p, p]), own.tensor(`${name}.1`, [d, 3, p, p])];
}

/**
 * Blocks of attention over the whole image, LayerNorms and a plain MLP, as Qwen2-VL and Qwen3-VL have them.
 * @param mlp the names of its two linears
 */
export function qwenVlPlainBlocks(
  own: TensorLookup,
  count: number,
  { hiddenSize: d, width, activation, mlp }: PlainBlocks,
): RotaryVitBlock[] {
  const blocks = Array.from({ length: count }, (_, i): RotaryVitBlock => {
    const block = own.below(`blocks.${i}.`);
    const up = block.linear(mlp[0], [width, d]);
    return {
      full: true,
      ...qwenVlAttention(block, d, block.layerNorm("norm1", d)),
      mlp: {
        type: "plain",
        activation,
        into: linearGroup({ up }, { norm: block.layerNorm("norm2", d) }),
        out: linearGroup({ down: block.linear(mlp[1], [d, width]) }),
      },
    };
  });
  own.below("blocks.").requireAllUsed();
  return blocks;
}

interface PlainBlocks {
  readonly hiddenSize: number;
  /** Of the MLP. */
  readonly width: number;
  readonly activation: Exclude<Activation, "swiglu">;
  readonly mlp: readonly [string, string];
}
