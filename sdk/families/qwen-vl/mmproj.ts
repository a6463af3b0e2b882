import { channelFields, type MmprojKeys } from "../mmproj/mmproj-keys.ts";
import type { TowerNames } from "../mmproj/tower-names.ts";

/** The tower's names of all Qwen-VLs. `mlp`: those of its linears, by their names in an mmproj. */
export const qwenVlNames = (mlp: Readonly<Record<string, string>>): TowerNames => ({
  parts: { "v.patch_embd": "visual.patch_embed.proj", "v.position_embd": "visual.pos_embed" },
  block: (index) => `visual.blocks.${index}.`,
  inBlock: {
    ln1: "norm1",
    attn_qkv: "attn.qkv",
    attn_q: "attn.q",
    attn_k: "attn.k",
    attn_v: "attn.v",
    attn_out: "attn.proj",
    ln2: "norm2",
    ...mlp,
  },
});

/** The second frame's kernel, which the converter splits off (conversion/qwenvl.py, qwen3vl.py `modify_tensors`). */
export const secondFrame = { "v.patch_embd.weight.1": "visual.patch_embed.proj.weight.1" } as const;

/** The linears of a merger, and its norm, by their names in an mmproj. */
export const mergerNames = (norm: string, first: string, second: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries({ "v.post_ln": norm, "mm.0": first, "mm.2": second }).flatMap(([stored, name]) =>
      ["weight", "bias"].map((part) => [`${stored}.${part}`, `visual.merger.${name}.${part}`]),
    ),
  );

/** What the keys say of every Qwen-VL's tower. */
export const qwenVlConfig = (keys: MmprojKeys): Record<string, unknown> => ({
  depth: keys.number("clip.vision.block_count"),
  num_heads: keys.number("clip.vision.attention.head_count"),
  patch_size: keys.number("clip.vision.patch_size"),
  spatial_merge_size: keys.numberOr("clip.vision.spatial_merge_size", 2),
});

/** The MLPs' width, by their tensors: the converter writes another number for Qwen2-VL, an older one none. */
export function mlpWidth(keys: MmprojKeys): number {
  const [rows = 0, columns = 0] = keys.shape("v.blk.0.ffn_up.weight");
  const width = keys.number("clip.vision.embedding_length");
  return rows === width ? columns : rows;
}

/**
 * The fields of the image processor. A file seldom says how large images may be: then it is what the published models'
 * preprocessor_config.json says, as far as pixels go.
 */
export const qwenVlProcessor = (
  keys: MmprojKeys,
  [least, most]: readonly [least: number, most: number],
): Record<string, unknown> => ({
  image_processor_type: "Qwen2VLImageProcessor",
  patch_size: keys.number("clip.vision.patch_size"),
  merge_size: keys.numberOr("clip.vision.spatial_merge_size", 2),
  min_pixels: keys.numberOr("clip.vision.image_min_pixels", least),
  max_pixels: keys.numberOr("clip.vision.image_max_pixels", most),
  ...channelFields(keys),
});

/** Pixels of an image in Qwen2-VL's and Qwen2.5-VL's files: 4 to 16,384 tokens. */
export const qwen2Pixels = [56 * 56, 3584 * 3584] as const;
