import { entry } from "../linear-algebra/vectors.ts";
import { type GraphRunner, outputOf } from "./graph-runner.ts";

/** (rows - center) axes: rows [n, d], center [d], axes [d, r] -> [n, r], in float64. */
export async function coordinatesOf(
  graphs: GraphRunner,
  rows: Float32Array,
  center: Float64Array,
  axes: Float64Array,
): Promise<Float64Array> {
  const dim = center.length;
  const feeds = {
    rows: graphs.tensor("float32", rows, [rows.length / dim, dim]),
    center: graphs.tensor("float64", center, [dim]),
    axes: graphs.tensor("float64", axes, [dim, axes.length / dim]),
  };
  return outputOf(await graphs.run("coordinates", feeds, ["coordinates"]), "coordinates", "float64");
}

/** At least the squared length of a vector outside of the axes, by Pythagoras. */
export function outsideSquare(
  coordinates: Float64Array,
  at: number,
  rank: number,
  square: number,
  slack: number,
): number {
  let inside = 0;
  for (let i = at; i < at + rank; i++) inside += entry(coordinates, i) ** 2;
  return Math.max(0, square - inside) + 2 * slack * square;
}
