import { expected, expectedBut } from "../errors.ts";

/** How well clusters agree with labels. */
export interface ClusterAgreement {
  /** The share of rows that carry their cluster's most frequent label, 0 to 1. It grows with the number of clusters. */
  readonly purity: number;
  /** Mutual information over the mean of both entropies, 0 to 1: scikit-learn's normalized_mutual_info_score. */
  readonly nmi: number;
}

/**
 * How well clusters agree with labels, whatever the names of either.
 * @param assignments [n]: the cluster of each row
 * @param labels [n]: the class of each row
 * @throws INVALID_ARGUMENT for no rows, or a different number of each
 */
export function clusterAgreement(assignments: ArrayLike<unknown>, labels: ArrayLike<unknown>): ClusterAgreement {
  const total = assignments.length;
  if (total === 0) throw expectedBut("INVALID_ARGUMENT", "at least one row", "cluster agreement", "none");
  if (labels.length !== total)
    throw expected("INVALID_ARGUMENT", `${total} labels`, "cluster agreement", labels.length);
  const byLabel = new Map<unknown, Tally>();
  const byCluster = new Map<unknown, Map<unknown, Overlap>>();
  for (let row = 0; row < total; row++) {
    const label = found(byLabel, labels[row], () => ({ count: 0 }));
    const cluster = found(byCluster, assignments[row], () => new Map<unknown, Overlap>());
    label.count += 1;
    found(cluster, labels[row], () => ({ label, count: 0 })).count += 1;
  }
  let hits = 0;
  let information = 0;
  const sizes: number[] = [];
  for (const cluster of byCluster.values()) {
    const overlaps = [...cluster.values()];
    const size = overlaps.reduce((sum, { count }) => sum + count, 0);
    sizes.push(size);
    hits += Math.max(...overlaps.map(({ count }) => count));
    for (const { label, count } of overlaps) {
      information += (count / total) * Math.log((count * total) / (size * label.count));
    }
  }
  const counts = Array.from(byLabel.values(), ({ count }) => count);
  const entropies = (entropy(sizes, total) + entropy(counts, total)) / 2;
  // One cluster and one label agree perfectly, though that says nothing.
  return { purity: hits / total, nmi: entropies === 0 ? 1 : Math.max(0, information / entropies) };
}

/** How often a label was seen. */
interface Tally {
  count: number;
}

/** How often it was seen in one cluster. */
interface Overlap extends Tally {
  readonly label: Tally;
}

/** The entry of `key`, made where there is none. */
function found<V>(map: Map<unknown, V>, key: unknown, make: () => V): V {
  const value = map.get(key);
  if (value !== undefined) return value;
  const made = make();
  map.set(key, made);
  return made;
}

/** In nats. */
const entropy = (counts: readonly number[], total: number): number =>
  counts.reduce((sum, count) => sum + (count / total) * Math.log(total / count), 0);
