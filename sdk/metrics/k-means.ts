import * as z from "zod";
import { expected } from "../errors.ts";
import { rowsOf } from "../linear-algebra/matrices.ts";
import { addShare, squaredDistance } from "../linear-algebra/vectors.ts";
import { option, parseOptions } from "../options.ts";
import { checkFeatures } from "./labelled-features.ts";
import { seededRandom } from "./seeded-random.ts";

/** How `kMeans` runs. */
export interface KMeansOptions {
  /** How many clusters. */
  readonly clusters: number;
  /** Runs from different first centres. The run with the least inertia is kept. Default 10. */
  readonly restarts?: number;
  /** Draws the first centres: the same seed gives the same clusters. A whole number from 0, default 0. */
  readonly seed?: number;
  /** Most iterations of one run. A run ends earlier when no row changes its cluster. Default 300. */
  readonly maxIterations?: number;
  /** [clusters, dim], row-major: one run from these centres in place of drawn ones. */
  readonly start?: Float64Array;
}

const schema = z.strictObject({
  clusters: z.int().min(1).describe("a whole number >= 1"),
  restarts: option.integer(1),
  seed: option.integer(0),
  maxIterations: option.integer(1),
  start: option.custom<Float64Array>("a Float64Array", (value) => value instanceof Float64Array),
});

/** The clusters that `kMeans` found. */
export interface KMeansResult {
  /** [n]: the cluster of each row, 0 to clusters - 1. */
  readonly assignments: Int32Array;
  /** [clusters, dim]: the mean of each cluster's rows. */
  readonly centres: Float64Array;
  /** The sum of squared distances between rows and their centres. */
  readonly inertia: number;
  /** Of the run that was kept. */
  readonly iterations: number;
  /** False when `maxIterations` came first. */
  readonly converged: boolean;
}

/**
 * Groups rows by Lloyd's k-means from k-means++ centres (Arthur and Vassilvitskii 2007), in float64. A cluster that
 * loses all its rows gets the row that lies farthest from its centre, as in scikit-learn; from equal first centres the
 * inertia equals that of sklearn.cluster.KMeans(algorithm="lloyd", tol=0).
 * @param features [n, dim], row-major
 * @throws INVALID_ARGUMENT for more clusters than rows, numbers that are not finite, or a wrong option
 */
export function kMeans(features: Float32Array | Float64Array, dim: number, options: KMeansOptions): KMeansResult {
  const rows = Math.ceil((features?.length ?? 0) / dim);
  checkFeatures(features, dim, rows, "the rows to cluster");
  const { clusters, restarts = 10, seed = 0, maxIterations = 300, start } = parseOptions(schema, options, "kMeans");
  if (clusters > rows) {
    const wanted = `a whole number from 1 to ${rows}, the rows,`;
    throw expected("INVALID_ARGUMENT", wanted, 'option "clusters" of kMeans', clusters);
  }
  const vectors = rowsOf(new Float64Array(features), dim);
  if (start) {
    checkFeatures(start, dim, clusters, "the first centres");
    return lloyd(vectors, new Float64Array(start), dim, maxIterations);
  }
  const random = seededRandom(seed);
  const runs = Array.from({ length: restarts }, () =>
    lloyd(vectors, spreadCentres(vectors, dim, clusters, random), dim, maxIterations),
  );
  return runs.reduce((best, run) => (run.inertia < best.inertia ? run : best));
}

/** k-means++: each next centre is a row, drawn in proportion to its squared distance from the nearest one so far. */
function spreadCentres(
  vectors: readonly Float64Array[],
  dim: number,
  clusters: number,
  random: () => number,
): Float64Array {
  const rows = vectors.map((vector) => ({ vector, distance: Number.POSITIVE_INFINITY }));
  const centres = new Float64Array(clusters * dim);
  let chosen = rows[Math.floor(random() * rows.length)];
  for (const [c, target] of rowsOf(centres, dim).entries()) {
    const centre = chosen?.vector;
    if (centre === undefined) throw new RangeError("Expected a row for each centre");
    target.set(centre);
    let total = 0;
    for (const row of rows) {
      row.distance = Math.min(row.distance, squaredDistance(row.vector, centre));
      total += row.distance;
    }
    let left = random() * total;
    chosen = rows.find((row) => (left -= row.distance) < 0) ?? rows[c % rows.length]; // every row is a centre already
  }
  return centres;
}

interface Centre {
  readonly index: number;
  /** [dim] */
  readonly vector: Float64Array;
  /** How many rows are its own. */
  count: number;
}

interface Row {
  /** [dim] */
  readonly vector: Float64Array;
  /** The nearest one, and the squared distance to it. */
  centre: Centre;
  distance: number;
}

/** Overwrites `centres` [clusters, dim]. */
function lloyd(
  vectors: readonly Float64Array[],
  centres: Float64Array,
  dim: number,
  maxIterations: number,
): KMeansResult {
  const all = rowsOf(centres, dim).map((vector, index): Centre => ({ index, vector, count: 0 }));
  const [first] = all;
  if (first === undefined) throw new RangeError("Expected at least one centre");
  const rows = vectors.map((vector): Row => ({ vector, centre: first, distance: 0 }));
  assign(rows, all);
  let iterations = 0;
  let moved: number;
  do {
    iterations += 1;
    moveCentres(rows, all);
    moved = assign(rows, all);
  } while (moved > 0 && iterations < maxIterations);
  return {
    assignments: Int32Array.from(rows, (row) => row.centre.index),
    centres,
    inertia: rows.reduce((sum, row) => sum + row.distance, 0),
    iterations,
    converged: moved === 0,
  };
}

/** Gives each row its nearest centre, the first of equally near ones, and returns how many rows changed. */
function assign(rows: readonly Row[], centres: readonly Centre[]): number {
  let moved = 0;
  for (const row of rows) {
    let nearest: Centre | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const centre of centres) {
      const distance = squaredDistance(row.vector, centre.vector);
      if (nearest === undefined || distance < least) {
        least = distance;
        nearest = centre;
      }
    }
    row.distance = least;
    if (nearest === undefined || row.centre === nearest) continue;
    row.centre = nearest;
    moved += 1;
  }
  return moved;
}

/** Each centre becomes the mean of its rows; one without rows takes a row, the farthest one, from its cluster. */
function moveCentres(rows: readonly Row[], centres: readonly Centre[]): void {
  for (const centre of centres) centre.count = 0;
  for (const { centre } of rows) centre.count += 1;
  const lent: { readonly row: Row; readonly owner: Centre }[] = [];
  for (const empty of centres) {
    if (empty.count > 0) continue;
    let farthest: Row | null = null;
    for (const row of rows) {
      if (row.centre.count > 1 && (farthest === null || row.distance > farthest.distance)) farthest = row;
    }
    if (farthest === null) break;
    lent.push({ row: farthest, owner: farthest.centre });
    farthest.centre.count -= 1;
    farthest.centre = empty;
    empty.count = 1;
  }
  for (const { vector } of centres) vector.fill(0);
  for (const row of rows) addShare(row.centre.vector, row.vector, row.centre.count);
  // A row that was lent has not changed its cluster yet: `assign` says whether it does.
  for (const { row, owner } of lent) row.centre = owner;
}
