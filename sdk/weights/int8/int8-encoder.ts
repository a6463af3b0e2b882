import type { BlockRef } from "../../nn/layers/transformer-spec.ts";
import type { EncoderSpec } from "../../nn/vit/vit-spec.ts";
import { type Int8LinearRef, isTensorRef, type LinearRef, type NormRef, type TensorRef } from "../tensor-ref.ts";

/** Linears that share an input: they are folded together (`foldGroup`), and a graph quantises it once for all. */
export interface LinearGroup<Name extends string = string> {
  /** Before the names of its tensors. */
  readonly prefix: string;
  /** Where the input comes from; null where it comes from no norm. */
  readonly norm: { readonly name: string; readonly ref: NormRef } | null;
  readonly linears: Readonly<Record<Name, FoldedLinearRef>>;
}

export interface FoldedLinearRef extends LinearRef {
  /** [out]: the layer scale after it. */
  readonly outScale?: TensorRef | null;
}

export interface Int8Layout<D extends "F32" | "I8"> {
  readonly name: string;
  readonly dtype: D;
  readonly shape: readonly number[];
}

/** What a tensor of the int8 file is made from. */
export type Int8Source = { readonly copyOf: TensorRef } | { readonly partOf: LinearGroup };

/** Says where a tensor of the int8 file lies. */
export type Place = <D extends "F32" | "I8">(layout: Int8Layout<D>, source: Int8Source) => TensorRef<D>;

/**
 * The encoder with the linears of its blocks in 8 bits, norms and layer scales folded into them. What lies outside the
 * blocks stays in float32: the patch embedding is 1 % of the work, and the final norm has no linear after it.
 */
export function int8Encoder(encoder: EncoderSpec, place: Place): EncoderSpec<Int8LinearRef> {
  const { blocks, ...others } = encoder;
  return {
    ...copyTensors(others, "", place),
    blocks: blocks.map((block, i) => int8Block(block, `blocks.${i}.`, place)),
  };
}

function int8Block(block: BlockRef, prefix: string, place: Place): BlockRef<Int8LinearRef> {
  const { norm1, query, key, value, queryNorm, keyNorm, out, scale1, norm2, fc1, fc2, scale2 } = block;
  const norm = (name: string, ref: NormRef) => ({ name, ref });
  const attention = placeGroup({ prefix, norm: norm("norm1", norm1), linears: { query, key, value } }, place);
  const projection = placeGroup({ prefix, norm: null, linears: { out: { ...out, outScale: scale1 } } }, place);
  const mlp = placeGroup({ prefix, norm: norm("norm2", norm2), linears: { fc1 } }, place);
  const last = placeGroup({ prefix, norm: null, linears: { fc2: { ...fc2, outScale: scale2 } } }, place);
  return {
    norm1: attention.norm ?? norm1,
    ...attention.linears,
    ...copyTensors({ queryNorm, keyNorm }, prefix, place),
    ...projection.linears,
    scale1: null,
    norm2: mlp.norm ?? norm2,
    ...mlp.linears,
    ...last.linears,
    scale2: null,
  };
}

/** A LayerNorm keeps a bias, of zeros: without one it would be an RMSNorm. */
function placeGroup<Name extends string>(
  group: LinearGroup<Name>,
  place: Place,
): { norm: NormRef | null; linears: Record<Name, Int8LinearRef> } {
  const { prefix, norm } = group;
  const at = <D extends "F32" | "I8">(name: string, dtype: D, shape: readonly number[]) =>
    place({ name: prefix + name, dtype, shape }, { partOf: group });
  const linears = Object.entries<FoldedLinearRef>(group.linears).map(([name, { weight, bias }]) => {
    const [out = 0, input = 0] = weight.shape;
    const int8: Int8LinearRef = {
      columns: at(`${name}.columns`, "I8", [input, out]),
      scales: at(`${name}.scales`, "F32", [out]),
      bias: bias || norm?.ref.bias ? at(`${name}.bias`, "F32", [out]) : null,
    };
    return [name, int8];
  });
  return {
    norm: norm && {
      weight: at(`${norm.name}.weight`, "F32", norm.ref.weight.shape),
      bias: norm.ref.bias && at(`${norm.name}.bias`, "F32", norm.ref.bias.shape),
    },
    linears: Object.fromEntries(linears),
  };
}

/** `value` with every tensor in it copied, named by its place: a new field of the spec needs no line here. */
function copyTensors<T extends object>(value: T, prefix: string, place: Place): T {
  const entries = Object.entries(value).map(([key, part]: [string, unknown]) => {
    if (typeof part !== "object" || part === null || Array.isArray(part)) return [key, part];
    if (!isTensorRef(part)) return [key, copyTensors(part, `${prefix}${key}.`, place)];
    return [key, place({ name: prefix + key, dtype: "F32", shape: part.shape }, { copyOf: part })];
  });
  return Object.fromEntries(entries) as T;
}
