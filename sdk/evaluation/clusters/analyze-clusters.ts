import * as z from "zod";
import type { Decoder } from "../../contract/decoder.ts";
import type { Encoder } from "../../contract/encoder.ts";
import { expected, expectedBut } from "../../errors.ts";
import { clusterAgreement } from "../../metrics/index.ts";
import { option, parseOptions } from "../../options.ts";
import { type LabelledFile, labelNumbers } from "../image-folder.ts";
import { type PoolFeaturesOptions, poolFeatures, poolFeaturesFields } from "../pooled-features.ts";
import type { FailedImage } from "../readable-images.ts";
import { type Clustering, clusterVectors } from "./cluster-vectors.ts";
import { halves, type ProbeScores, probeFeatures } from "./probe-features.ts";

/** How `analyzeClusters` groups and probes. */
export interface AnalyzeClustersOptions extends PoolFeaturesOptions {
  /** How many groups, at most as many as there are images. Default 20. */
  readonly clusters?: number;
  /** The seed of k-means. A whole number from 0, default 0. */
  readonly seed?: number;
  /** Images that the probes learn from. Default: every second image of each class. */
  readonly train?: readonly LabelledFile[] | undefined;
}

const schema = z.strictObject({
  ...poolFeaturesFields,
  clusters: option.integer(1),
  seed: option.integer(0),
  train: option.custom<readonly LabelledFile[]>("images as listImages gives them", Array.isArray),
});

/** What `analyzeClusters` found. */
export interface ClusterAnalysis {
  /** The tokenizer's model id. */
  readonly model: string;
  /** The images that could be read. Indices in clusters are into them. */
  readonly files: readonly LabelledFile[];
  /** The images that could not be read. */
  readonly failed: readonly FailedImage[];
  /** How many classes there are: the folders in which images lie. 0 where all lie in one. */
  readonly classes: number;
  readonly seed: number;
  /** Over the mean of each image's continuous features. */
  readonly continuous: Clustering;
  /** Over the mean of the codebook vectors of each image's ids. */
  readonly quantised: Clustering;
  /** Normalised mutual information of both clusterings, 0 to 1: whether they tell the same images apart. */
  readonly agreement: number;
  /** null without classes. */
  readonly probes: {
    readonly train: number;
    readonly test: number;
    readonly splitBy: "folder" | "every second image";
    readonly scores: readonly ProbeScores[];
  } | null;
}

/**
 * Groups images by their continuous features and by their ids. Where folders name classes, it trains the same probes on
 * both (VQRAE, arXiv 2511.23386, figure 4 and table 1).
 * @throws UNSUPPORTED for a tokenizer without a codebook; INVALID_ARGUMENT for fewer images than clusters or a wrong
 * option; what `encode` throws
 */
export async function analyzeClusters(
  tokenizer: Encoder & Decoder,
  files: readonly LabelledFile[],
  options: AnalyzeClustersOptions = {},
): Promise<ClusterAnalysis> {
  const { clusters = 20, seed = 0, train, ...pooling } = parseOptions(schema, options, "analyzeClusters");
  const { codebook, modelId } = tokenizer.info;
  const withoutCodebook = () =>
    expectedBut("UNSUPPORTED", "a checkpoint with a codebook", "analyzeClusters", `${modelId}, which has none`);
  if (codebook === null) throw withoutCodebook();
  if (clusters > files.length) {
    const wanted = `a whole number from 1 to ${files.length}, the images,`;
    throw expected("INVALID_ARGUMENT", wanted, 'option "clusters" of analyzeClusters', clusters);
  }
  const pool = await poolFeatures(tokenizer, files, pooling);
  if (pool.meanCode === null) throw withoutCodebook();
  const gallery = train ? await poolFeatures(tokenizer, train, pooling) : null;
  const { labels } = labelNumbers([...pool.files, ...(gallery?.files ?? [])]);
  const own = labels.slice(0, pool.files.length);
  const count = new Set(own).size;
  const classes = count > 1 ? pool.files.map(({ label }) => label) : null;
  const continuous = clusterVectors(pool.meanPatch, { clusters, seed }, classes);
  const quantised = clusterVectors(pool.meanCode, { clusters, seed }, classes);
  return {
    model: modelId,
    files: pool.files,
    failed: [...pool.failed, ...(gallery?.failed ?? [])],
    classes: classes ? count : 0,
    seed,
    continuous,
    quantised,
    agreement: clusterAgreement(continuous.assignments, quantised.assignments).nmi,
    probes: classes && probesOf(),
  };

  function probesOf(): ClusterAnalysis["probes"] {
    const sets = gallery
      ? { train: { pool: gallery, labels: labels.slice(own.length) }, test: { pool, labels: own } }
      : halves(pool, own);
    return {
      train: sets.train.labels.length,
      test: sets.test.labels.length,
      splitBy: gallery ? "folder" : "every second image",
      scores: probeFeatures(sets.train, sets.test),
    };
  }
}
