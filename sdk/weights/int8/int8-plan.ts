import type { EncoderSpec } from "../../nn/vit/vit-spec.ts";
import type { TensorLayout } from "../safetensors/write-safetensors.ts";
import type { TensorRef } from "../tensor-ref.ts";
import { int8Encoder, type LinearGroup } from "./int8-encoder.ts";

/** What an encoder's int8 file holds, and what that is made from. */
export interface Int8Plan {
  readonly layout: readonly TensorLayout[];
  /** By the name of the copy. */
  readonly copies: ReadonlyMap<string, TensorRef>;
  readonly groups: readonly LinearGroup[];
}

export function planInt8(encoder: EncoderSpec): Int8Plan {
  const layout: TensorLayout[] = [];
  const copies = new Map<string, TensorRef>();
  const groups = new Set<LinearGroup>();
  int8Encoder(encoder, (tensor, source) => {
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
  for (const { prefix, norm, linears } of groups) {
    const named = { gamma: norm?.ref.weight, beta: norm?.ref.bias };
    for (const [role, ref] of Object.entries(named)) if (ref) yield { role: `${prefix}${norm?.name} ${role}`, ref };
    for (const [name, { weight, bias, outScale }] of Object.entries(linears)) {
      for (const [role, ref] of Object.entries({ weight, bias, outScale })) {
        if (ref) yield { role: `${prefix}${name} ${role}`, ref };
      }
    }
  }
}
