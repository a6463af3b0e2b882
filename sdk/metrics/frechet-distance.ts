import { expected } from "../errors.ts";
import { eigenvalues } from "../linear-algebra/eigenvalues.ts";
import { diagonalOf } from "../linear-algebra/matrices.ts";
import { congruent, semidefiniteFactor } from "../linear-algebra/semidefinite-factor.ts";
import { entry, plusScaled } from "../linear-algebra/vectors.ts";
import type { FeatureMoments } from "./feature-moments.ts";

/**
 * The Frechet distance of two sets of features, each taken as a Gaussian: |μ₁ - μ₂|² + Tr(Σ₁ + Σ₂ - 2 (Σ₁Σ₂)^½). Name
 * the network beside the number. Call it FID only where the features are the 2048 of pool3 of the Inception network
 * that the field agreed on (Heusel et al. 2017). With fewer images than features the distance is still defined but
 * biased upwards: compare equal counts only.
 *
 * The trace is the sum of the roots of the eigenvalues of Lᵀ Σ₂ L, L Lᵀ = Σ₁, so nothing complex can come up. Equals
 * scipy.linalg.sqrtm's and torchmetrics' within 1e-3. The work grows with the cube of the width.
 * @throws INVALID_ARGUMENT for sets of different width, or of fewer than two vectors
 */
export function frechetDistance(a: FeatureMoments, b: FeatureMoments): number {
  const { dim } = a;
  if (b.dim !== dim) throw expected("INVALID_ARGUMENT", `${dim} numbers a vector`, "the second set", b.dim);
  const [first, second] = [a.covariance(), b.covariance()];
  const [variances, others] = [diagonalOf(first, dim), diagonalOf(second, dim)];
  let distance = plusScaled(a.mean, -1, b.mean).reduce(
    (sum, shift, i) => sum + (shift ** 2 + entry(variances, i) + entry(others, i)),
    0,
  );
  const { factor, rank } = semidefiniteFactor(first, dim);
  for (const value of eigenvalues(congruent(second, factor, dim, rank), rank)) {
    distance -= 2 * Math.sqrt(Math.max(0, value)); // what is negative is rounding
  }
  return Math.max(0, distance);
}
