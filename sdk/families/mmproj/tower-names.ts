import type { BlockNames, VitNames } from "../vit/architecture.ts";

/** The names of a tower's tensors in an mmproj, by role (llama.cpp tools/mtmd/clip-impl.h). */
export const mmprojTowerNames = {
  "patch_embedding.weight": "v.patch_embd.weight",
  "patch_embedding.bias": "v.patch_embd.bias",
  class_token: "v.class_embd",
  positions: "v.position_embd.weight",
  "first_norm.weight": "v.pre_ln.weight",
  "first_norm.bias": "v.pre_ln.bias",
  "final_norm.weight": "v.post_ln.weight",
  "final_norm.bias": "v.post_ln.bias",
} as const;

/** Those inside a block, below "v.blk.0". */
export const mmprojBlockNames = {
  norm1: "ln1",
  query: "attn_q",
  key: "attn_k",
  value: "attn_v",
  query_norm: "attn_q_norm",
  key_norm: "attn_k_norm",
  out: "attn_out",
  scale1: "ls1",
  norm2: "ln2",
  fc1: "ffn_up",
  fc2: "ffn_down",
  scale2: "ls2",
} as const;

/** The names of a tower that is no plain vision transformer, each part by its name in an mmproj. */
export interface TowerNames {
  readonly parts: Readonly<Record<string, string>>;
  /** The beginning of a block's names. */
  block(index: number): string;
  /** Below `block`, by the names below "v.blk.0" in an mmproj. */
  readonly inBlock: Readonly<Record<string, string>>;
}

/** Every tensor of an mmproj's tower by its name there, with its name in a checkpoint of the family. */
export function checkpointNames(names: VitNames | TowerNames, blocks: number): Map<string, string> {
  const own = mmprojTowerNames;
  const found = new Map<string, string>();
  const both = (stored: string, name: string | null | undefined) => {
    if (name === null || name === undefined) return;
    for (const part of ["weight", "bias"]) found.set(`${stored}.${part}`, `${name}.${part}`);
  };
  if ("parts" in names) {
    for (const [stored, name] of Object.entries(names.parts)) both(stored, name);
    for (let index = 0; index < blocks; index++) {
      for (const [stored, name] of Object.entries(names.inBlock))
        both(`v.blk.${index}.${stored}`, `${names.block(index)}${name}`);
    }
    return found;
  }
  both("v.patch_embd", names.patchEmbedding);
  both("v.pre_ln", names.firstNorm);
  both("v.post_ln", names.finalNorm);
  if (names.classToken !== null) found.set(own.class_token, names.classToken);
  found.set(own.positions, names.positions);
  for (let index = 0; index < blocks; index++) {
    const block = names.block(index);
    const stored = (role: keyof typeof mmprojBlockNames) => `v.blk.${index}.${mmprojBlockNames[role]}`;
    for (const [role, name] of linearsOf(block)) both(stored(role), name);
    const [scale1, scale2] = block.scales ?? [];
    if (scale1 !== undefined) found.set(`${stored("scale1")}.weight`, scale1);
    if (scale2 !== undefined) found.set(`${stored("scale2")}.weight`, scale2);
  }
  return found;
}

function linearsOf(block: BlockNames): [keyof typeof mmprojBlockNames, string | undefined][] {
  const { attention } = block;
  const apart = typeof attention === "string" ? { query: undefined, key: undefined, value: undefined } : attention;
  return [
    ["norm1", block.norm1],
    ["query", apart.query],
    ["key", apart.key],
    ["value", apart.value],
    ["query_norm", block.queryNorm],
    ["key_norm", block.keyNorm],
    ["out", block.out],
    ["norm2", block.norm2],
    ["fc1", block.fc1],
    ["fc2", block.fc2],
  ];
}
