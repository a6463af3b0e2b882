/**
 * The public face of `vqrae/metrics`: how good a reconstruction, a codebook or a feature is.
 *
 * @module vqrae/metrics
 */

export { Blocking } from "./blocking.ts";
export { type ClusterAgreement, clusterAgreement } from "./cluster-agreement.ts";
export { CodebookUsage } from "./codebook-usage.ts";
export { FeatureMoments } from "./feature-moments.ts";
export { frechetDistance } from "./frechet-distance.ts";
export { type KMeansOptions, type KMeansResult, kMeans } from "./k-means.ts";
export type { LabelledFeatures } from "./labelled-features.ts";
export { type LinearProbe, type LinearProbeOptions, trainLinearProbe } from "./linear-probe.ts";
export { leaveOneOutAccuracy, nearestNeighbourAccuracy } from "./nearest-neighbour.ts";
export { perceptualDistance, type TapActivations } from "./perceptual-distance.ts";
export { psnr } from "./psnr.ts";
export { ssimGaussian, ssimUniform } from "./ssim.ts";
