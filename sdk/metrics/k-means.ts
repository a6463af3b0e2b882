import { expected } from "../errors.ts";
import { checkFeatures } from "./labelled-features.ts";
import { seededRandom } from "./seeded-random.ts";

export interface KMeansOptions {
  /** How many clusters. */
  readonly clusters: number;
  /** Runs from different first centres, of which the one with the least inertia is kept. Default 10. */
  readonly restarts?: number;
  /** Default 0. */
  readonly seed?: number;
  /** Of one run, default 300; a run ends before where no row changes its cluster. */
  readonly maxIterations?: number;
  /** [clusters, dim]: one run from these centres in place of seeded ones. */
  readonly start?: Float64Array;
}

export interface KMeansResult {
  /** [n]: the cluster of each row, 0 to clusters - 1. */
  readonly assignments: Int32Array;
  /** [clusters, dim]: the mean of each cluster's rows. */
  readonly centres: Float64Array;
  /** The sum of squared distances between rows and their centres. */
  readonly inertia: number;
  readonly iterations: number;
  /** False when `maxIterations` came first. */
  readonly converged: boolean;
}

/**
 * Lloyd's k-means from k-means++ centres (Arthur and Vassilvitskii 2007), in float64. The same seed gives the same
 * clusters. A cluster that loses all its rows gets the row that lies farthest from its centre, as in scikit-learn; from
 * equal first centres the inertia equals that of sklearn.cluster.KMeans(algorithm="lloyd", tol=0).
 * @throws INVALID_ARGUMENT for more clusters than rows, or numbers that are not finite
 */
export function kMeans(features: Float32Array | Float64Array, dim: number, options: KMeansOptions): KMeansResult {
  const rows = Math.ceil((features?.length ?? 0) / dim);
  checkFeatures(features, dim, rows, "the rows to cluster");
  const { clusters, restarts = 10, seed = 0, maxIterations = 300, start } = options;
  if (!Number.isSafeInteger(clusters) || clusters < 1 || clusters > rows) {
    throw expected("INVALID_ARGUMENT", `an integer from 1 to ${rows}, the rows,`, "clusters", clusters);
  }
  for (const [name, value] of Object.entries({ restarts, maxIterations })) {
    if (!Number.isSafeInteger(value) || value < 1) throw expected("INVALID_ARGUMENT", "an integer > 0", name, value);
  }
  const data = Float64Array.from(features);
  if (start) {
    checkFeatures(start, dim, clusters, "the first centres");
    return lloyd(data, start.slice(), dim, maxIterations);
  }
  const random = seededRandom(seed);
  const runs = Array.from({ length: restarts }, () =>
    lloyd(data, spreadCentres(data, dim, clusters, random), dim, maxIterations),
  );
  return runs.reduce((best, run) => (run.inertia < best.inertia ? run : best));
}

/** k-means++: each next centre is a row, drawn in proportion to its squared distance from the nearest one so far. */
function spreadCentres(data: Float64Array, dim: number, clusters: number, random: () => number): Float64Array {
  const rows = data.length / dim;
  const centres = new Float64Array(clusters * dim);
  const distances = new Float64Array(rows).fill(Number.POSITIVE_INFINITY);
  let chosen = Math.floor(random() * rows);
  for (let c = 0; c < clusters; c++) {
    const centre = data.subarray(chosen * dim, (chosen + 1) * dim);
    centres.set(centre, c * dim);
    let total = 0;
    for (let row = 0; row < rows; row++) {
      distances[row] = Math.min(distances[row]!, squaredDistance(data, row * dim, centre, 0, dim));
      total += distances[row]!;
    }
    let left = random() * total;
    chosen = distances.findIndex((distance) => (left -= distance) < 0);
    if (chosen < 0) chosen = c % rows; // every row is a centre already
  }
  return centres;
}

function lloyd(data: Float64Array, centres: Float64Array, dim: number, maxIterations: number): KMeansResult {
  const rows = data.length / dim;
  const assignments = new Int32Array(rows).fill(-1);
  const distances = new Float64Array(rows);
  let iterations = 0;
  let moved = assign(data, centres, dim, assignments, distances);
  while (moved > 0 && iterations < maxIterations) {
    iterations += 1;
    moveCentres(data, centres, dim, assignments.slice(), distances);
    moved = assign(data, centres, dim, assignments, distances);
  }
  const inertia = distances.reduce((sum, distance) => sum + distance, 0);
  return { assignments, centres, inertia, iterations, converged: moved === 0 };
}

/** Gives each row its nearest centre, of equally near ones the first; returns how many rows changed. */
function assign(
  data: Float64Array,
  centres: Float64Array,
  dim: number,
  assignments: Int32Array,
  distances: Float64Array,
): number {
  let moved = 0;
  for (let row = 0; row < assignments.length; row++) {
    let nearest = 0;
    let least = Number.POSITIVE_INFINITY;
    for (let c = 0; c * dim < centres.length; c++) {
      const distance = squaredDistance(data, row * dim, centres, c * dim, dim);
      if (distance < least) {
        least = distance;
        nearest = c;
      }
    }
    if (assignments[row] !== nearest) moved += 1;
    assignments[row] = nearest;
    distances[row] = least;
  }
  return moved;
}

/** Each centre becomes the mean of its rows; one without rows takes a row, the farthest one, from its cluster. */
function moveCentres(
  data: Float64Array,
  centres: Float64Array,
  dim: number,
  assignments: Int32Array,
  distances: Float64Array,
): void {
  const counts = new Int32Array(centres.length / dim);
  for (const c of assignments) counts[c]! += 1;
  for (let empty = counts.indexOf(0); empty >= 0; empty = counts.indexOf(0)) {
    let farthest = -1;
    for (let row = 0; row < assignments.length; row++) {
      const canLeave = counts[assignments[row]!]! > 1;
      if (canLeave && (farthest < 0 || distances[row]! > distances[farthest]!)) farthest = row;
    }
    counts[assignments[farthest]!]! -= 1;
    counts[empty]! += 1;
    assignments[farthest] = empty;
    distances[farthest] = 0;
  }
  centres.fill(0);
  for (let i = 0; i < data.length; i++) {
    const c = assignments[Math.floor(i / dim)]!;
    centres[c * dim + (i % dim)]! += data[i]! / counts[c]!;
  }
}

function squaredDistance(a: Float64Array, atA: number, b: Float64Array, atB: number, dim: number): number {
  let sum = 0;
  for (let i = 0; i < dim; i++) {
    const difference = a[atA + i]! - b[atB + i]!;
    sum += difference * difference;
  }
  return sum;
}
