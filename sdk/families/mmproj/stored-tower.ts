import { clipImageProcessor } from "../clip/image.ts";
import type { Family } from "../family.ts";
import { flag } from "../fields/config-fields.ts";
import { siglipBlock } from "../siglip/family.ts";
import type { VitNames } from "../vit/architecture.ts";
import { ownFields, visionConfig } from "../vit/vision-config.ts";
import { vitFamily } from "../vit/vit-family.ts";
import type { MmprojFamily } from "./mmproj-family.ts";
import { MMPROJ_POSITIONS_KEY, type MmprojKeys, towerConfig } from "./mmproj-keys.ts";
import type { TowerNames } from "./tower-names.ts";

/** How an mmproj's tower is read. */
export interface MmprojTower {
  readonly names: VitNames | TowerNames;
  /** The `vision_config` of what it is read as. */
  readonly config: Record<string, unknown>;
  /** null for the family of the config's `model_type`. */
  readonly family: Family | null;
}

/** As the family's own tower, or by what the file holds where that is another, as in one whose tower was swapped. */
export function towerOf(
  keys: MmprojKeys,
  { tower, family }: MmprojFamily,
  config: Record<string, unknown>,
): MmprojTower {
  const special = family?.(keys) ?? null;
  if (tower !== null && "parts" in tower) return { names: tower, config, family: special };
  const stored = storedTower(keys);
  if (tower !== null && !isInGraphOrder(keys) && (special !== null || !isAnother(stored, tower, config))) {
    return { names: tower, config, family: special };
  }
  const { hidden_act } = config;
  return { ...stored, config: { ...towerConfig(keys, "gelu"), hidden_act, ...stored.parts } };
}

/** Whether ViT swap put the rows of the position table in the order of llama.cpp's graph, the class token's last. */
const isInGraphOrder = (keys: MmprojKeys): boolean => keys.text(MMPROJ_POSITIONS_KEY) !== null;

/** A plain vision transformer by what the file holds of one. */
interface StoredTower extends Omit<MmprojTower, "names" | "config"> {
  readonly names: VitNames;
  /** The fields of its `vision_config` that say which parts it has. */
  readonly parts: Record<string, unknown>;
}

/** The fields that every tower has in an mmproj come from `towerConfig`. */
const config = visionConfig(
  {
    hidden_size: 1,
    intermediate_size: 1,
    num_hidden_layers: 1,
    num_attention_heads: 1,
    image_size: 1,
    patch_size: 1,
    layer_norm_eps: 1e-6,
    hidden_act: "gelu",
    qkv_bias: true,
  },
  ownFields({ use_qk_norm: flag.default(false), has_final_norm: flag.default(false) }, (own) => ({
    qkNorm: own.use_qk_norm,
    postNorm: own.has_final_norm,
  })),
);

/** As llama.cpp's graphs go by what there is (tools/mtmd/clip.cpp `build_vit`): a part that is missing is left out. */
function storedTower(keys: MmprojKeys): StoredTower {
  const has = keys.hasTensor;
  const block: VitNames["block"] = (index) => {
    const name = `encoder.layers.${index}`;
    const scales = has("v.blk.0.ls1.weight") ? ({ scales: [`${name}.ls1`, `${name}.ls2`] } as const) : {};
    const norms = { queryNorm: `${name}.self_attn.q_norm`, keyNorm: `${name}.self_attn.k_norm` };
    return { ...siglipBlock(name), ...norms, ...scales };
  };
  const names: VitNames = {
    patchEmbedding: "embeddings.patch_embedding",
    patchEmbeddingBias: has("v.patch_embd.bias"),
    classToken: has("v.class_embd") ? "embeddings.class_embedding" : null,
    classTokenShape: (width) => [width],
    registers: null,
    positions: "embeddings.position_embedding.weight",
    positionsShape: (tokens, width) => [tokens, width],
    block,
    firstNorm: has("v.pre_ln.weight") ? "pre_layernorm" : null,
    finalNorm: has("v.post_ln.weight") ? "post_layernorm" : null,
  };
  const architecture = {
    modelTypes: {},
    config,
    imageProcessor: clipImageProcessor,
    names,
    channelsLast: false,
    classPositionLast: has("v.class_embd") && isInGraphOrder(keys),
    grids: { kind: "trained" },
    refuses: [],
  } as const;
  return {
    names,
    family: vitFamily(architecture),
    parts: {
      qkv_bias: has("v.blk.0.attn_q.bias"),
      use_qk_norm: has("v.blk.0.attn_q_norm.weight"),
      has_final_norm: names.finalNorm !== null,
    },
  };
}

/** Whether a file holds other parts of a tower than its family's own has. */
function isAnother({ names, parts }: StoredTower, own: VitNames, ownConfig: Record<string, unknown>): boolean {
  const partsOf = (one: VitNames) => [
    one.patchEmbeddingBias,
    one.classToken !== null,
    one.firstNorm !== null,
    one.finalNorm !== null,
    one.block(0).scales !== undefined,
  ];
  if (partsOf(names).join() !== partsOf(own).join()) return true;
  if (parts.use_qk_norm === true && !("use_qk_norm" in ownConfig)) return true;
  return parts.qkv_bias === false && !("attention_bias" in ownConfig);
}
