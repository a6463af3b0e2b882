import { present } from "../../errors.ts";
import { rowsOf } from "../../linear-algebra/matrices.ts";
import { addScaled, addShare, divide, squaredDistance, squaredLength } from "../../linear-algebra/vectors.ts";
import { type ClusterAgreement, clusterAgreement, kMeans } from "../../metrics/index.ts";
import { zip } from "../../zip.ts";
import type { FeatureRows } from "../pooled-features.ts";

/** One way of putting images into groups. */
export interface Clustering {
  /** [images]: the cluster of each, in the order of `clusters`. */
  readonly assignments: Int32Array;
  /** Large clusters first. */
  readonly clusters: readonly Cluster[];
  /** Sum of squared distances of the vectors to their centres. */
  readonly inertia: number;
  /** How well the clusters agree with the classes; null where there are no classes. */
  readonly agreement: ClusterAgreement | null;
}

/** A group of images. */
export interface Cluster {
  /** How many images it has. */
  readonly size: number;
  /** The class that most of its images have, and how many; null without classes. */
  readonly label: { readonly name: string; readonly count: number } | null;
  /** Indices of all its images, the one nearest to the centre first. */
  readonly images: readonly number[];
}

/**
 * k-means over one vector an image. Each vector loses the mean over all images and is then brought to length 1: what
 * all images share says nothing about groups, and a vector's length says little.
 * @param features one row an image
 * @param classes [images]: the name of each image's class; null where there are none
 */
export function clusterVectors(
  { features, dim }: FeatureRows,
  options: { readonly clusters: number; readonly seed: number },
  classes: readonly string[] | null,
): Clustering {
  const vectors = centredDirections(features, dim);
  const { assignments, centres, inertia } = kMeans(vectors, dim, options);
  const images = zip(rowsOf(vectors, dim), assignments).map(([vector, number], index) => ({ vector, number, index }));
  const groups = rowsOf(centres, dim)
    .map((centre, number) => ({ centre, number, members: images.filter((image) => image.number === number) }))
    .sort((a, b) => b.members.length - a.members.length);
  const order = groups.map(({ number }) => number);
  return {
    assignments: assignments.map((number) => order.indexOf(number)),
    clusters: groups.map(({ centre, members }) => ({
      size: members.length,
      label: classes && commonest(members.map(({ index }) => present(classes[index], "the class of each image"))),
      images: members
        .map(({ vector, index }) => ({ index, far: squaredDistance(centre, vector) }))
        .sort((a, b) => a.far - b.far)
        .map(({ index }) => index),
    })),
    inertia,
    agreement: classes && clusterAgreement(assignments, classes),
  };
}

/** Each row of `features` [n, dim] less the mean row, brought to length 1. */
function centredDirections(features: Float32Array, dim: number): Float64Array {
  const vectors = new Float64Array(features);
  const rows = rowsOf(vectors, dim);
  const mean = new Float64Array(dim);
  for (const row of rows) addShare(mean, row, rows.length);
  for (const row of rows) {
    addScaled(row, -1, mean);
    divide(row, Math.sqrt(squaredLength(row)) || 1); // the mean itself stays zero
  }
  return vectors;
}

function commonest(names: readonly string[]): Cluster["label"] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  const [name, count] = [...counts].reduce((best, one) => (one[1] > best[1] ? one : best));
  return { name, count };
}
