import { expected } from "../../errors.ts";
import {
  type LabelledFeatures,
  leaveOneOutAccuracy,
  nearestNeighbourAccuracy,
  trainLinearProbe,
} from "../../metrics/index.ts";
import type { FeatureRows, PooledFeatures } from "../pooled-features.ts";

/** How much one kind of feature knows of the classes, on the same images as the other kinds. Shares, 0 to 1. */
export interface ProbeScores {
  readonly kind: "continuous" | "quantised";
  /** Such as "mean patch". */
  readonly feature: string;
  /** Numbers per vector. */
  readonly dim: number;
  /** How many test images have the class of their nearest training image. */
  readonly nearestNeighbour: number;
  /** The same among the test images alone, each left out. */
  readonly leaveOneOut: number;
  /** Logistic regression on the training images. */
  readonly linear: number;
  /** False where the regression ended before its optimum. `linear` is then a lower bound. */
  readonly converged: boolean;
}

/** Images with their classes. */
export interface LabelledPool {
  readonly pool: PooledFeatures;
  /** [images] numbers that mean the same in both sets. */
  readonly labels: readonly number[];
}

/** The kinds of feature, each with the name that it has in tables. */
const FEATURES = [
  ["continuous", "class token", "classToken"],
  ["continuous", "mean patch", "meanPatch"],
  ["quantised", "mean codebook vector", "meanCode"],
] as const;

/**
 * The same probes on every kind of feature that the tokenizer has.
 * @throws INVALID_ARGUMENT for fewer than two classes
 */
export function probeFeatures(train: LabelledPool, test: LabelledPool): ProbeScores[] {
  return FEATURES.flatMap(([kind, feature, key]) => {
    const [gallery, queries] = [train.pool[key], test.pool[key]];
    if (!gallery || !queries) return [];
    const [learnt, asked] = [labelled(gallery, train.labels), labelled(queries, test.labels)];
    const probe = trainLinearProbe(learnt);
    return {
      kind,
      feature,
      dim: queries.dim,
      nearestNeighbour: nearestNeighbourAccuracy(asked, learnt),
      leaveOneOut: leaveOneOutAccuracy(asked),
      linear: probe.accuracy(asked),
      converged: probe.converged,
    };
  });
}

/** Every second image of each class, in the files' order, is for training; the others are for the test. */
export function halves(pool: PooledFeatures, labels: readonly number[]): { train: LabelledPool; test: LabelledPool } {
  const seen = new Map<number, number>();
  const first = new Set<number>();
  const second = new Set<number>();
  for (const [row, label] of labels.entries()) {
    const count = seen.get(label) ?? 0;
    seen.set(label, count + 1);
    (count % 2 === 0 ? first : second).add(row);
  }
  if (second.size < 2) throw expected("INVALID_ARGUMENT", "classes of two images or more", "the probes", second.size);
  return { train: subset(pool, labels, first), test: subset(pool, labels, second) };
}

/** The images whose index is one of `rows`, in the pool's order. */
function subset(pool: PooledFeatures, labels: readonly number[], rows: ReadonlySet<number>): LabelledPool {
  const pick = (all: FeatureRows | null): FeatureRows | null => all && pickRows(all, rows);
  const isPicked = (_: unknown, row: number) => rows.has(row);
  return {
    pool: {
      ...pool,
      files: pool.files.filter(isPicked),
      meanPatch: pickRows(pool.meanPatch, rows),
      classToken: pick(pool.classToken),
      meanCode: pick(pool.meanCode),
    },
    labels: labels.filter(isPicked),
  };
}

function pickRows({ features, dim }: FeatureRows, rows: ReadonlySet<number>): FeatureRows {
  const picked = new Float32Array(rows.size * dim);
  for (const [i, row] of [...rows].entries()) picked.set(features.subarray(row * dim, (row + 1) * dim), i * dim);
  return { features: picked, dim };
}

const labelled = (rows: FeatureRows, labels: readonly number[]): LabelledFeatures => ({ ...rows, labels });
