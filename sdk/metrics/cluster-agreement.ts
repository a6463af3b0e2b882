import { expected, expectedBut } from "../errors.ts";

export interface ClusterAgreement {
  /** The share of rows that carry their cluster's most frequent label, 0 to 1. It grows with the number of clusters. */
  readonly purity: number;
  /** Mutual information over the mean of both entropies, 0 to 1: scikit-learn's normalized_mutual_info_score. */
  readonly nmi: number;
}

/**
 * How well clusters agree with labels, whatever the names of either.
 * @throws INVALID_ARGUMENT for none, or a different number of each
 */
export function clusterAgreement(assignments: ArrayLike<number>, labels: ArrayLike<number>): ClusterAgreement {
  const total = assignments.length;
  if (total === 0) throw expectedBut("INVALID_ARGUMENT", "at least one row", "cluster agreement", "none");
  if (labels.length !== total)
    throw expected("INVALID_ARGUMENT", `${total} labels`, "cluster agreement", labels.length);
  const byCluster = new Map<number, Map<number, number>>();
  const byLabel = new Map<number, number>();
  for (let row = 0; row < total; row++) {
    const cluster = byCluster.get(assignments[row]!) ?? new Map<number, number>();
    byCluster.set(assignments[row]!, cluster);
    cluster.set(labels[row]!, (cluster.get(labels[row]!) ?? 0) + 1);
    byLabel.set(labels[row]!, (byLabel.get(labels[row]!) ?? 0) + 1);
  }
  let hits = 0;
  let information = 0;
  const sizes: number[] = [];
  for (const cluster of byCluster.values()) {
    const size = [...cluster.values()].reduce((sum, count) => sum + count, 0);
    sizes.push(size);
    hits += Math.max(...cluster.values());
    for (const [label, count] of cluster) {
      information += (count / total) * Math.log((count * total) / (size * byLabel.get(label)!));
    }
  }
  const entropies = (entropy(sizes, total) + entropy([...byLabel.values()], total)) / 2;
  // One cluster and one label agree perfectly, and tell nothing.
  return { purity: hits / total, nmi: entropies === 0 ? 1 : Math.max(0, information / entropies) };
}

/** In nats. */
const entropy = (counts: readonly number[], total: number): number =>
  counts.reduce((sum, count) => sum + (count / total) * Math.log(total / count), 0);
