import { expected, expectedBut } from "../errors.ts";
import { rowsOf } from "../linear-algebra/matrices.ts";
import { divide, dot, squaredLength } from "../linear-algebra/vectors.ts";
import { zip } from "../zip.ts";
import { checkLabelled, type LabelledFeatures } from "./labelled-features.ts";

/** The eps of torch's and HF's ViT LayerNorm in this project; it only matters for nearly constant vectors. */
const LAYER_NORM_EPS = 1e-6;

/**
 * The share of `queries` whose nearest vector of `gallery` has their class, 0 to 1. Nearest is by cosine, after a
 * LayerNorm without affine on each vector, and the first of equally near ones wins. It trains nothing, so it compares
 * encoders on small sets where a probe would be noise.
 * @throws INVALID_ARGUMENT for sets of different width, or numbers that are not finite
 */
export function nearestNeighbourAccuracy(queries: LabelledFeatures, gallery: LabelledFeatures): number {
  checkLabelled(queries, "the queries");
  checkLabelled(gallery, "the gallery");
  if (queries.dim !== gallery.dim) {
    throw expected("INVALID_ARGUMENT", `dim ${queries.dim}, as in the queries`, "the gallery", gallery.dim);
  }
  return shareOfHits(queries, gallery, false);
}

/**
 * Like `nearestNeighbourAccuracy` within one set: each vector is looked up among all the others.
 * @throws INVALID_ARGUMENT for fewer than two vectors, or numbers that are not finite
 */
export function leaveOneOutAccuracy(set: LabelledFeatures): number {
  checkLabelled(set, "leave-one-out accuracy");
  if (set.labels.length < 2) {
    throw expectedBut("INVALID_ARGUMENT", "at least two vectors", "leave-one-out accuracy", "one");
  }
  return shareOfHits(set, set, true);
}

interface Direction {
  /** [dim], of length 1. */
  readonly vector: Float64Array;
  readonly label: number;
}

function shareOfHits(queries: LabelledFeatures, gallery: LabelledFeatures, skipSelf: boolean): number {
  const candidates = directionsOf(gallery);
  const asked = queries === gallery ? candidates : directionsOf(queries);
  const hits = asked.filter((query) => nearestTo(query, candidates, skipSelf ? query : null)?.label === query.label);
  return hits.length / asked.length;
}

/** The one of `candidates` with the largest dot product with `query`, leaving out `skip`. */
function nearestTo(query: Direction, candidates: readonly Direction[], skip: Direction | null): Direction | null {
  let nearest: Direction | null = null;
  let largest = Number.NEGATIVE_INFINITY;
  for (const candidate of candidates) {
    if (candidate === skip) continue;
    const cosine = dot(query.vector, candidate.vector);
    if (cosine > largest) {
      largest = cosine;
      nearest = candidate;
    }
  }
  return nearest;
}

/** Each row centred, scaled by its deviation (LayerNorm), then brought to length 1. */
function directionsOf({ features, dim, labels }: LabelledFeatures): Direction[] {
  return zip(rowsOf(new Float64Array(features), dim), Array.from(labels)).map(([vector, label]) => {
    const mean = vector.reduce((sum, value) => sum + value, 0) / dim;
    const variance = vector.reduce((sum, value) => sum + (value - mean) ** 2, 0) / dim;
    const deviation = Math.sqrt(variance + LAYER_NORM_EPS);
    for (let i = 0; i < dim; i++) vector[i] = (vector[i]! - mean) / deviation;
    divide(vector, Math.sqrt(squaredLength(vector)) || 1); // a constant row stays zero
    return { vector, label };
  });
}
