import { expected, expectedBut } from "../errors.ts";

/** Feature vectors of n images with their classes. */
export interface LabelledFeatures {
  /** [n, dim], row-major. */
  readonly features: Float32Array | Float64Array;
  /** Numbers per vector. */
  readonly dim: number;
  /** [n] class numbers: any integers. */
  readonly labels: ArrayLike<number>;
}

/** Checks shapes, labels and that every number is finite. */
export function checkLabelled(set: LabelledFeatures, subject: string): void {
  const { features, dim, labels } = set ?? {};
  if (!(labels && labels.length > 0)) {
    throw expectedBut("INVALID_ARGUMENT", "at least one label", subject, "none");
  }
  for (let i = 0; i < labels.length; i++) {
    if (!Number.isSafeInteger(labels[i])) {
      throw expectedBut("INVALID_ARGUMENT", "integer labels", subject, `${String(labels[i])} at row ${i}`);
    }
  }
  checkFeatures(features, dim, labels.length, subject);
}

/** Checks a feature matrix [rows, dim]. */
export function checkFeatures(features: unknown, dim: number, rows: number, subject: string): void {
  if (!(features instanceof Float32Array || features instanceof Float64Array)) {
    throw expected("INVALID_ARGUMENT", "a Float32Array or Float64Array of features", subject, features);
  }
  if (!Number.isSafeInteger(dim) || dim < 1) {
    throw expected("INVALID_ARGUMENT", "a positive integer dim", subject, dim);
  }
  if (features.length !== rows * dim) {
    const wanted = `${rows * dim} numbers (${rows} rows of ${dim})`;
    throw expectedBut("INVALID_ARGUMENT", wanted, subject, `${features.length} numbers`);
  }
  const bad = features.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    const place = `${features[bad]} at row ${Math.floor(bad / dim)}, column ${bad % dim}`;
    throw expectedBut("INVALID_ARGUMENT", "finite numbers", subject, place);
  }
}
