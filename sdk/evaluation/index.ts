/**
 * The public face of `vqrae/evaluation`: how well a tokenizer does on a folder of images.
 *
 * @module vqrae/evaluation
 */

export { type AnalyzeClustersOptions, analyzeClusters, type ClusterAnalysis } from "./clusters/analyze-clusters.ts";
export type { Cluster, Clustering } from "./clusters/cluster-vectors.ts";
export {
  type ContactSheetOptions,
  contactSheet,
  contactSheets,
  pairClusters,
  type SheetRow,
} from "./clusters/contact-sheets.ts";
export type { ProbeScores } from "./clusters/probe-features.ts";
export type { CodecAtBytes, CodecCurve, CodecPoint } from "./comparison/codec-scores.ts";
export {
  type ComparedPicture,
  type ComparedTokenizer,
  type CompareTokenizersOptions,
  compareTokenizers,
  type MeasuredTokenizer,
  type TokenizerComparison,
} from "./comparison/compare-tokenizers.ts";
export { type CodedPicture, type ImageCodec, imageCodecs } from "./comparison/image-codecs.ts";
export type { TokenRate } from "./comparison/token-rate.ts";
export type { FeatureNetwork, FeatureNetworkOptions, NetworkOutput } from "./feature-network/feature-network.ts";
export { openClassifier } from "./feature-network/open-classifier.ts";
export { openFeatureNetwork } from "./feature-network/open-feature-network.ts";
export { type LabelledFile, labelNumbers, listImages } from "./image-folder.ts";
export { type FeatureRows, type PooledFeatures, type PoolFeaturesOptions, poolFeatures } from "./pooled-features.ts";
export type { FailedImage } from "./readable-images.ts";
export {
  type EvaluateReconstructionOptions,
  evaluateReconstruction,
} from "./reconstruction/evaluate-reconstruction.ts";
export { type PixelScores, pixelScores } from "./reconstruction/pixel-scores.ts";
export { rankedPicture } from "./reconstruction/ranked-picture.ts";
export { type Reconstruction, type ReconstructionCrop, reconstructAll } from "./reconstruction/reconstruct.ts";
export type { ImageScores, ReconstructionProtocol, ReconstructionReport, Spread } from "./reconstruction/report.ts";
export { pairsPicture, tilePicture } from "./tile-picture.ts";
