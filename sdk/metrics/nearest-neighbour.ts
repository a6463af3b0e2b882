import { expected, expectedBut } from "../errors.ts";
import { checkLabelled, type LabelledFeatures } from "./labelled-features.ts";

/** The eps of torch's and HF's ViT LayerNorm in this project; it only matters for nearly constant vectors. */
const LAYER_NORM_EPS = 1e-6;

/**
 * The share of `queries` whose nearest vector of `gallery` has their class, 0 to 1. Nearest is by cosine, after a
 * LayerNorm without affine on each vector; of equally near ones the first wins. It trains nothing, so it compares
 * encoders on small sets where a probe would be noise.
 */
export function nearestNeighbourAccuracy(queries: LabelledFeatures, gallery: LabelledFeatures): number {
  checkLabelled(queries, "the queries");
  checkLabelled(gallery, "the gallery");
  if (queries.dim !== gallery.dim) {
    throw expected("INVALID_ARGUMENT", `dim ${queries.dim}, as in the queries`, "the gallery", gallery.dim);
  }
  return shareOfHits(queries, gallery, false);
}

/** Like `nearestNeighbourAccuracy` within one set: each vector is looked up among all the others. */
export function leaveOneOutAccuracy(set: LabelledFeatures): number {
  checkLabelled(set, "leave-one-out accuracy");
  if (set.labels.length < 2) {
    throw expectedBut("INVALID_ARGUMENT", "at least two vectors", "leave-one-out accuracy", "one");
  }
  return shareOfHits(set, set, true);
}

function shareOfHits(queries: LabelledFeatures, gallery: LabelledFeatures, skipSelf: boolean): number {
  const directions = unitRows(gallery);
  const queryDirections = queries === gallery ? directions : unitRows(queries);
  let hits = 0;
  for (let row = 0; row < queries.labels.length; row++) {
    const query = queryDirections.subarray(row * queries.dim, (row + 1) * queries.dim);
    const nearest = nearestRow(query, directions, skipSelf ? row : -1);
    if (gallery.labels[nearest] === queries.labels[row]) hits++;
  }
  return hits / queries.labels.length;
}

/** The row of `directions` [n, dim] with the largest dot product with `query` [dim], leaving out row `skip`. */
function nearestRow(query: Float64Array, directions: Float64Array, skip: number): number {
  const dim = query.length;
  let nearest = -1;
  let largest = Number.NEGATIVE_INFINITY;
  for (let row = 0, offset = 0; offset < directions.length; row++, offset += dim) {
    if (row === skip) continue;
    let cosine = 0;
    for (let i = 0; i < dim; i++) cosine += query[i]! * directions[offset + i]!;
    if (cosine > largest) {
      largest = cosine;
      nearest = row;
    }
  }
  return nearest;
}

/** [n, dim]: each row centred, scaled by its deviation (LayerNorm), then brought to length 1. */
function unitRows({ features, dim }: LabelledFeatures): Float64Array {
  const rows = Float64Array.from(features);
  for (let start = 0; start < rows.length; start += dim) {
    const row = rows.subarray(start, start + dim);
    const mean = row.reduce((sum, value) => sum + value, 0) / dim;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / dim;
    const deviation = Math.sqrt(variance + LAYER_NORM_EPS);
    for (let i = 0; i < dim; i++) row[i] = (row[i]! - mean) / deviation;
    const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0)) || 1; // a constant row stays zero
    for (let i = 0; i < dim; i++) row[i]! /= length;
  }
  return rows;
}
