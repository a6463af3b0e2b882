import { expectedBut, mmprojBlockNames, mmprojTowerNames } from "../../../sdk/kit.ts";

const names: Readonly<Record<string, string>> = mmprojTowerNames;
const blockNames: Readonly<Record<string, string>> = mmprojBlockNames;
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
