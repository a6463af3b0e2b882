import { type ClusterAgreement, clusterAgreement, kMeans } from "../../metrics/index.ts";
import type { FeatureRows } from "../pooled-features.ts";

/** One way of putting images into groups. */
export interface Clustering {
  /** [images]: the cluster of each, in the order of `clusters`. */
  readonly assignments: Int32Array;
  /** Large clusters first. */
  readonly clusters: readonly Cluster[];
  /** Sum of squared distances of the vectors to their centres. */
  readonly inertia: number;
  /** With the classes; null where there are none. */
  readonly agreement: ClusterAgreement | null;
}

export interface Cluster {
  readonly size: number;
  /** The class that most of its images have, and how many; null without classes. */
  readonly label: { readonly name: string; readonly count: number } | null;
  /** Indices of all its images, the one nearest to the centre first. */
  readonly images: readonly number[];
}

/**
 * k-means over one vector an image. The mean over all images is taken off each vector, which is then brought to length 1:
 * what all images share says nothing about groups, and a vector's length little.
 */
export function clusterVectors(
  { features, dim }: FeatureRows,
  options: { readonly clusters: number; readonly seed: number },
  classes: { readonly names: readonly string[]; readonly labels: readonly number[] } | null,
): Clustering {
  const rows = centredDirections(features, dim);
  const { assignments, centres, inertia } = kMeans(rows, dim, options);
  const members: number[][] = Array.from({ length: options.clusters }, () => []);
  for (const [row, cluster] of assignments.entries()) members[cluster]!.push(row);
  const order = members.map((_, cluster) => cluster).sort((a, b) => members[b]!.length - members[a]!.length);
  const rank = new Map(order.map((cluster, i) => [cluster, i]));
  return {
    assignments: assignments.map((cluster) => rank.get(cluster)!),
    clusters: order.map((cluster) => ({
      size: members[cluster]!.length,
      label: classes && commonest(members[cluster]!, classes),
      images: byDistance(members[cluster]!, rows, centres.subarray(cluster * dim, (cluster + 1) * dim)),
    })),
    inertia,
    agreement: classes && clusterAgreement(assignments, classes.labels),
  };
}

function centredDirections(features: Float32Array, dim: number): Float64Array {
  const count = features.length / dim;
  const mean = new Float64Array(dim);
  for (let i = 0; i < features.length; i++) mean[i % dim]! += features[i]! / count;
  const rows = Float64Array.from(features, (value, i) => value - mean[i % dim]!);
  for (let start = 0; start < rows.length; start += dim) {
    const row = rows.subarray(start, start + dim);
    const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0)) || 1; // the mean itself stays zero
    for (let i = 0; i < dim; i++) row[i]! /= length;
  }
  return rows;
}

function commonest(
  members: readonly number[],
  { names, labels }: { names: readonly string[]; labels: readonly number[] },
) {
  const counts = new Map<number, number>();
  for (const row of members) counts.set(labels[row]!, (counts.get(labels[row]!) ?? 0) + 1);
  const [label, count] = [...counts].reduce((best, one) => (one[1] > best[1] ? one : best));
  return { name: names[label]!, count };
}

function byDistance(members: readonly number[], rows: Float64Array, centre: Float64Array): number[] {
  const dim = centre.length;
  const distance = (row: number) => centre.reduce((sum, value, i) => sum + (value - rows[row * dim + i]!) ** 2, 0);
  return members
    .map((row) => ({ row, far: distance(row) }))
    .sort((a, b) => a.far - b.far)
    .map(({ row }) => row);
}
