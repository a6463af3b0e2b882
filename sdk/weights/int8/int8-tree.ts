import {
  type AnyLinearRef,
  type Int8LinearRef,
  isLinearGroup,
  isTensorRef,
  type LinearGroup,
  type NormRef,
  type TensorRef,
} from "../tensor-ref.ts";

/** A tagged group of linears, and what stands before the names of its tensors. */
export interface PlacedGroup {
  readonly prefix: string;
  readonly group: LinearGroup;
}

export interface Int8Layout<D extends "F32" | "I8"> {
  readonly name: string;
  readonly dtype: D;
  readonly shape: readonly number[];
}

/** What a tensor of the int8 file is made from. */
export type Int8Source = { readonly copyOf: TensorRef } | { readonly partOf: PlacedGroup };

/** Says where a tensor of the int8 file lies. */
export type Place = <D extends "F32" | "I8">(layout: Int8Layout<D>, source: Int8Source) => TensorRef<D>;

/** A tree of weights whose tagged groups of linears may be in 8 bits. */
export type AnyPrecision<T> =
  T extends LinearGroup<infer Name>
    ? LinearGroup<Name, AnyLinearRef>
    : T extends TensorRef
      ? TensorRef
      : T extends object
        ? { readonly [K in keyof T]: AnyPrecision<T[K]> }
        : T;

/**
 * A tree of weights with its tagged groups of linears in 8 bits, norms and layer scales folded into them. Every other
 * tensor of the tree stays in float32 and is named by its place: a new family needs no line here. A patch embedding, which
 * is 1 % of the work, is not tagged.
 */
export function int8Tree<T extends object>(tree: T, place: Place, prefix = ""): AnyPrecision<T> {
  const entries = Object.entries(tree).map(([key, part]: [string, unknown]) => [
    key,
    int8Part(part, key, prefix, place),
  ]);
  const copy = Array.isArray(tree) ? entries.map(([, value]) => value) : Object.fromEntries(entries);
  return copy as AnyPrecision<T>;
}

function int8Part(part: unknown, key: string, prefix: string, place: Place): unknown {
  if (typeof part !== "object" || part === null) return part;
  const name = prefix + key;
  if (isTensorRef(part)) return place({ name, dtype: "F32", shape: part.shape }, { copyOf: part });
  if (isLinearGroup(part)) return int8Group({ prefix: `${name}.`, group: part }, place);
  return int8Tree(part, place, `${name}.`);
}

/** A LayerNorm keeps a bias, of zeros: without one it would be an RMSNorm. */
function int8Group(placed: PlacedGroup, place: Place): LinearGroup<string, Int8LinearRef> {
  const { prefix, group } = placed;
  const { norm } = group;
  const at = <D extends "F32" | "I8">(name: string, dtype: D, shape: readonly number[]) =>
    place({ name: prefix + name, dtype, shape }, { partOf: placed });
  const linears = Object.entries(group.linears).map(([name, { weight, bias }]) => {
    const [out = 0, input = 0] = weight.shape;
    const int8: Int8LinearRef = {
      columns: at(`${name}.columns`, "I8", [input, out]),
      scales: at(`${name}.scales`, "F32", [out]),
      bias: bias || norm?.bias ? at(`${name}.bias`, "F32", [out]) : null,
    };
    return [name, int8] as const;
  });
  const folded: NormRef | null = norm && {
    weight: at("norm.weight", "F32", norm.weight.shape),
    bias: norm.bias && at("norm.bias", "F32", norm.bias.shape),
  };
  return { kind: "linears", norm: folded, linears: Object.fromEntries(linears), scale: null };
}
