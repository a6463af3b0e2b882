import type { TensorLayout } from "../safetensors/write-safetensors.ts";
import type { TensorRef } from "../tensor-ref.ts";
import { int8Tree, type PlacedGroup } from "./int8-tree.ts";

/** What the int8 file of a tree of weights holds, and what that is made from. */
export interface Int8Plan {
  readonly layout: readonly TensorLayout[];
  /** By the name of the copy. */
  readonly copies: ReadonlyMap<string, TensorRef>;
  readonly groups: readonly PlacedGroup[];
}

export function planInt8(weights: object): Int8Plan {
  const layout: TensorLayout[] = [];
  const copies = new Map<string, TensorRef>();
  const groups = new Set<PlacedGroup>();
  int8Tree(weights, (tensor, source) => {
    layout.push(tensor);
    if ("copyOf" in source) copies.set(tensor.name, source.copyOf);
    else groups.add(source.partOf);
    return { ...tensor, file: "", offset: 0, length: 0 };
  });
  return { layout, copies, groups: [...groups] };
}

/** Every tensor that the file is made from, and what it is there for: equal roles in two plans mean the same use. */
export function* sourcesOf({ copies, groups }: Int8Plan): Generator<{ role: string; ref: TensorRef }> {
  for (const [name, ref] of copies) yield { role: `copy ${name}`, ref };
  for (const { prefix, group } of groups) {
    const { norm, linears, scale } = group;
    for (const [role, ref] of Object.entries({ gamma: norm?.weight, beta: norm?.bias, scale })) {
      if (ref) yield { role: `${prefix}${role}`, ref };
    }
    for (const [name, { weight, bias }] of Object.entries(linears)) {
      for (const [role, ref] of Object.entries({ weight, bias }))
        if (ref) yield { role: `${prefix}${name} ${role}`, ref };
    }
  }
}
