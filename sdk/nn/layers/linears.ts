import type { AnyLinearRef, LinearGroup } from "../../weights/tensor-ref.ts";
import type { GraphBuilder, Value } from "../onnx/graph-builder.ts";
import { norm } from "./norm.ts";

/**
 * Linears that read one input, through one norm where there is one: x [t, in] -> each [t, out]. `epsilon` is the norm's.
 */
export function linears<Name extends string>(
  g: GraphBuilder,
  x: Value,
  group: LinearGroup<Name, AnyLinearRef>,
  width: number,
  epsilon: number,
): Record<Name, Value> {
  const input = group.norm ? norm(g, x, group.norm, width, epsilon) : x;
  return mapValues(group.linears, (linear) => {
    const y = g.linear(input, linear);
    return group.scale ? g.multiply(y, g.weight(group.scale)) : y;
  });
}

function mapValues<K extends string, A, B>(values: Readonly<Record<K, A>>, map: (value: A) => B): Record<K, B> {
  const entries = Object.entries<A>(values).map(([key, value]) => [key, map(value)] as const);
  return Object.fromEntries(entries) as Record<K, B>;
}
