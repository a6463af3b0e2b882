import { expectedBut } from "../../../sdk/kit.ts";

/** The names of a tower's tensors in an mmproj, by role (llama.cpp tools/mtmd/clip-impl.h). */
const names: Readonly<Record<string, string>> = {
  "patch_embedding.weight": "v.patch_embd.weight",
  "patch_embedding.bias": "v.patch_embd.bias",
  class_token: "v.class_embd",
  positions: "v.position_embd.weight",
  "first_norm.weight": "v.pre_ln.weight",
  "first_norm.bias": "v.pre_ln.bias",
  "final_norm.weight": "v.post_ln.weight",
  "final_norm.bias": "v.post_ln.bias",
};
/** Those inside a block, below "v.blk.0". */
const blockNames: Readonly<Record<string, string>> = {
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
};
/** For a loader that takes `ffn_down` for the first linear. */
const swapped: Readonly<Record<string, string>> = { ...blockNames, fc1: "ffn_down", fc2: "ffn_up" };

/** Also those that are not written here, since a tower is left out as a whole. */
const TOWER = /^v\.(patch_embd\.|class_embd$|position_embd\.|pre_ln\.|post_ln\.|blk\.)/;
export const isTowerTensor = (name: string): boolean => TOWER.test(name);

/**
 * The name of a tower's tensor in an mmproj.
 * @param swapMlp whether the loader takes `ffn_down` for the first linear
 * @throws UNSUPPORTED for a tensor that no graph of llama.cpp reads
 */
export function mmprojName(role: string, swapMlp: boolean): string {
  const [, block, part, suffix = "weight"] = /^block\.(\d+)\.(\w+)(?:\.(\w+))?$/.exec(role) ?? [];
  if (part === undefined) return known(names[role], role);
  return `v.blk.${block}.${known((swapMlp ? swapped : blockNames)[part], role)}.${suffix}`;
}

function known(name: string | undefined, role: string): string {
  if (name !== undefined) return name;
  throw expectedBut("UNSUPPORTED", "a tensor that llama.cpp has a name for", "a vision tower", role);
}
