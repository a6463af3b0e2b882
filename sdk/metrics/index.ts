/** The public face of `vqrae/metrics`: how good a reconstruction, a codebook or a feature is. */
export { CodebookUsage } from "./codebook-usage.ts";
export type { LabelledFeatures } from "./labelled-features.ts";
export { type LinearProbe, type LinearProbeOptions, trainLinearProbe } from "./linear-probe.ts";
export { leaveOneOutAccuracy, nearestNeighbourAccuracy } from "./nearest-neighbour.ts";
export { psnr } from "./psnr.ts";
export { ssimGaussian, ssimUniform } from "./ssim.ts";
