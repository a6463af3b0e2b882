import * as z from "zod";
import type { Classifier } from "../../contract/classifier.ts";
import type { Decoder } from "../../contract/decoder.ts";
import type { Encoder } from "../../contract/encoder.ts";
import type { Views } from "../../contract/views.ts";
import { expectedBut } from "../../errors.ts";
import { isObject } from "../../files/read-file.ts";
import { CENTRE_CROPS } from "../../image/centre-crop.ts";
import { Blocking, CodebookUsage, FeatureMoments, frechetDistance, perceptualDistance } from "../../metrics/index.ts";
import { option, parseOptions } from "../../options.ts";
import { setFields } from "../../set-fields.ts";
import { zip } from "../../zip.ts";
import type { FeatureNetwork } from "../feature-network/feature-network.ts";
import type { LabelledFile } from "../image-folder.ts";
import { type FailedImage, noneReadable, readableImages } from "../readable-images.ts";
import { pixelScores } from "./pixel-scores.ts";
import { Recognition } from "./recognition.ts";
import { cropFor, type Reconstruction, type ReconstructionCrop, reconstructAll } from "./reconstruct.ts";
import { type ImageScores, type ReconstructionReport, spreadOf, spreadOfSome } from "./report.ts";

/** How `evaluateReconstruction` measures. */
export interface EvaluateReconstructionOptions {
  /** How images are cut before they are encoded. Default "none". */
  readonly crop?: ReconstructionCrop;
  /** The network for the Frechet distance and, where it has taps, the perceptual distance. You dispose it. */
  readonly network?: FeatureNetwork | undefined;
  /** A classifier that sees originals and reconstructions, such as `openClassifier` gives. You dispose it. */
  readonly classifier?: Classifier | undefined;
  /** Images with more pixels are counted as failed (default 100 megapixels). */
  readonly maxPixels?: number | undefined;
  /** Called after each image with the images done so far, and all of them. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Called with each reconstruction, in the files' order, and waited for. */
  readonly onReconstruction?: (file: LabelledFile, reconstruction: Reconstruction) => void | Promise<void>;
  /** Acts between batches. */
  readonly signal?: AbortSignal;
}

/** What judges reconstructions, as options. */
export const judgeOptions = {
  network: option.custom<FeatureNetwork>(
    "what openFeatureNetwork gives",
    (value) => isObject(value) && typeof value.run === "function",
  ),
  classifier: option.custom<Classifier>(
    "a tokenizer with classify",
    (value) => isObject(value) && typeof value.classify === "function",
  ),
};

const schema = z.strictObject({
  crop: option.oneOf("none", ...CENTRE_CROPS),
  ...judgeOptions,
  maxPixels: option.integer(1),
  onProgress: option.callback<(done: number, total: number) => void>(),
  onReconstruction: option.callback<(file: LabelledFile, reconstruction: Reconstruction) => void | Promise<void>>(),
  signal: option.signal,
});

/**
 * Encodes and decodes images and measures what comes back against what the encoder saw, in batches: memory does not
 * grow with their number. The Frechet distance is between all originals, cropped alike, and all reconstructions.
 * @throws UNSUPPORTED for a tokenizer without a decoder; INVALID_ARGUMENT where no image can be read, or for a wrong
 * option; what the tokenizer and the network throw; the signal's reason
 */
export async function evaluateReconstruction(
  tokenizer: Encoder & Decoder & Views,
  files: readonly LabelledFile[],
  options: EvaluateReconstructionOptions = {},
): Promise<ReconstructionReport> {
  const {
    crop = "none",
    network,
    classifier,
    maxPixels,
    onProgress,
    onReconstruction,
    signal,
  } = parseOptions(schema, options, "evaluateReconstruction");
  const { codebook, outputSize, inputSize, grid, modelId, precision } = tokenizer.info;
  if (outputSize === null) {
    const received = `${modelId}, which has none`;
    throw expectedBut("UNSUPPORTED", "a checkpoint with a decoder", "evaluateReconstruction", received);
  }
  const usage = codebook && new CodebookUsage(codebook.size);
  const distances = network && new NetworkDistances(network);
  const recognition = classifier && new Recognition(classifier);
  const seams = grid && {
    original: new Blocking(outputSize.width / grid.columns),
    decoded: new Blocking(outputSize.width / grid.columns),
  };
  const failed: FailedImage[] = [];
  const perImage: ImageScores[] = [];
  const prepare = cropFor(tokenizer, crop);
  const onFailure = (failure: FailedImage) => failed.push(failure);
  for await (const batch of readableImages(files, { maxPixels, prepare, onFailure, signal })) {
    const images = batch.map(({ image }) => image);
    for (const [{ file }, reconstruction] of zip(
      batch,
      await reconstructAll(tokenizer, images, setFields({ signal })),
    )) {
      if (reconstruction.ids) usage?.add(reconstruction.ids);
      const perceptual = (await distances?.add(reconstruction, signal)) ?? null;
      perImage.push({ path: file.path, ...pixelScores(reconstruction.original, reconstruction.decoded), perceptual });
      seams?.original.add(reconstruction.original);
      seams?.decoded.add(reconstruction.decoded);
      await recognition?.add(reconstruction, file.label, signal);
      await onReconstruction?.(file, reconstruction);
      onProgress?.(perImage.length + failed.length, files.length);
    }
  }
  if (perImage.length === 0) throw noneReadable(failed);
  const perceptual = spreadOfSome(
    perImage.map((scores) => scores.perceptual),
    false,
  );
  return {
    model: modelId,
    images: perImage.length,
    failed,
    protocol: { crop, inputSize: inputSize?.width ?? null, outputSize: outputSize.width, precision },
    psnr: spreadOf(
      perImage.map((scores) => scores.psnr),
      true,
    ),
    ssimUniform: spreadOfSome(
      perImage.map((scores) => scores.ssimUniform),
      true,
    ),
    ssimGaussian: spreadOfSome(
      perImage.map((scores) => scores.ssimGaussian),
      true,
    ),
    codebook: usage && codebookUse(usage),
    frechet: distances ? distances.frechet() : null,
    perceptual: network && perceptual ? { network: network.name, taps: network.taps, ...perceptual } : null,
    blocking: seams && blockingOf(seams),
    recognition: recognition ? recognition.report : null,
    perImage,
  };
}

function codebookUse(usage: CodebookUsage): ReconstructionReport["codebook"] {
  const { counts, utilization, entropy, perplexity } = usage;
  const size = counts.length;
  return { size, used: Math.round(utilization * size), utilization, entropy, perplexity };
}

function blockingOf({
  original,
  decoded,
}: {
  original: Blocking;
  decoded: Blocking;
}): ReconstructionReport["blocking"] {
  const [before, after] = [original.ratio, decoded.ratio];
  return before === null || after === null ? null : { original: before, decoded: after };
}

/** What a feature network says of originals and reconstructions. */
class NetworkDistances {
  readonly #network: FeatureNetwork;
  #moments: { original: FeatureMoments; decoded: FeatureMoments } | null = null;

  constructor(network: FeatureNetwork) {
    this.#network = network;
  }

  /** The perceptual distance of the pair; null without taps. */
  async add({ original, decoded }: Reconstruction, signal?: AbortSignal): Promise<number | null> {
    const a = await this.#network.run(original, { signal });
    const b = await this.#network.run(decoded, { signal });
    const dim = a.features.length;
    this.#moments ??= { original: new FeatureMoments(dim), decoded: new FeatureMoments(dim) };
    this.#moments.original.add(a.features);
    this.#moments.decoded.add(b.features);
    return a.taps.length > 0 ? perceptualDistance(a.taps, b.taps) : null;
  }

  /** null for fewer than two images, which have no covariance. */
  frechet(): ReconstructionReport["frechet"] {
    if (this.#moments === null || this.#moments.original.count < 2) return null;
    const { name: network, feature } = this.#network;
    const { original, decoded } = this.#moments;
    return { network, feature, dim: original.dim, distance: frechetDistance(original, decoded) };
  }
}
