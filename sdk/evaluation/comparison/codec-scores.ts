import type { Classifier } from "../../contract/classifier.ts";
import type { RgbImage } from "../../contract/image.ts";
import { pixelScores } from "../reconstruction/pixel-scores.ts";
import { firstClasses, Recognition } from "../reconstruction/recognition.ts";
import type { ReconstructionReport } from "../reconstruction/report.ts";
import { type CodedPicture, codedPicture, codedWithin, type ImageCodec, imageCodecs } from "./image-codecs.ts";

/** How near a codec's pictures are at some size of file. Means over images. */
export interface CodecPoint {
  /** Of a file; of "avif-payload" without its boxes. */
  readonly bytes: number;
  readonly bitsPerPixel: number;
  readonly psnr: number;
  /** null below 11 pixels a side. */
  readonly ssimUniform: number | null;
  readonly ssimGaussian: number | null;
}

/** A codec with files as small as a tokenizer's ids. */
export interface CodecAtBytes extends CodecPoint {
  readonly codec: ImageCodec;
  /** Images whose smallest file is larger than the ids. That file is measured then: the codec has more bytes. */
  readonly tooLarge: number;
  /** What a classifier still knows; null without one. */
  readonly recognition: ReconstructionReport["recognition"];
}

/** A codec over qualities, from the smallest files on. */
export interface CodecCurve {
  readonly codec: ImageCodec;
  readonly points: readonly (CodecPoint & { readonly quality: number })[];
}

/** Of a curve. Above them are rates that no tokenizer comes near to. */
const QUALITIES = [1, 5, 10, 20, 35, 50, 70, 85];

/** Codecs at the bytes of one tokenizer's ids, over its own images. */
export class CodecsAtBytes {
  readonly #bytes: number;
  readonly #classifier: Classifier | undefined;
  readonly #means;

  /** @param bytes of one image's ids */
  constructor(bytes: number, classifier?: Classifier) {
    this.#bytes = bytes;
    this.#classifier = classifier;
    this.#means = imageCodecs.map((codec) => {
      const recognition = classifier ? new Recognition(classifier) : null;
      return { codec, mean: new MeanPoint(), recognition, tooLarge: 0 };
    });
  }

  /**
   * Measures an image, and gives each codec's picture of it.
   * @param label what it shows
   */
  async add(original: RgbImage, label: string, signal?: AbortSignal): Promise<Record<ImageCodec, CodedPicture>> {
    const pictures: Partial<Record<ImageCodec, CodedPicture>> = {};
    for (const one of this.#means) {
      const coded = await codedWithin(original, one.codec, this.#bytes);
      if (coded.bytes > this.#bytes) one.tooLarge += 1;
      one.mean.add(original, coded);
      pictures[one.codec] = coded;
    }
    const all = pictures as Record<ImageCodec, CodedPicture>; // the loop goes over all codecs
    if (this.#classifier) {
      const shown = [original, ...this.#means.map(({ codec }) => all[codec].decoded)];
      const [before, ...after] = await firstClasses(this.#classifier, shown, signal);
      for (const [i, { recognition }] of this.#means.entries()) recognition?.count(before, after[i], label);
    }
    return all;
  }

  scores(): CodecAtBytes[] {
    return this.#means.map(({ codec, mean, recognition, tooLarge }) => {
      return { codec, tooLarge, ...mean.point(), recognition: recognition?.report ?? null };
    });
  }
}

/** Rate and distortion of codecs over images. */
export class CodecCurves {
  readonly #means = imageCodecs.map((codec) => ({
    codec,
    qualities: QUALITIES.map((quality) => ({ quality, mean: new MeanPoint() })),
  }));

  async add(original: RgbImage): Promise<void> {
    for (const { codec, qualities } of this.#means) {
      for (const { quality, mean } of qualities) mean.add(original, await codedPicture(original, codec, quality));
    }
  }

  curves(): CodecCurve[] {
    return this.#means.map(({ codec, qualities }) => ({
      codec,
      points: qualities.map(({ quality, mean }) => ({ quality, ...mean.point() })),
    }));
  }
}

class MeanPoint {
  #images = 0;
  readonly #sums = { bytes: 0, bitsPerPixel: 0, psnr: 0, ssimUniform: 0, ssimGaussian: 0 };

  add(original: RgbImage, { bytes, decoded }: CodedPicture): void {
    const { psnr, ssimUniform, ssimGaussian } = pixelScores(original, decoded);
    this.#images += 1;
    this.#sums.bytes += bytes;
    this.#sums.bitsPerPixel += (8 * bytes) / (original.width * original.height);
    this.#sums.psnr += psnr;
    this.#sums.ssimUniform += ssimUniform ?? Number.NaN;
    this.#sums.ssimGaussian += ssimGaussian ?? Number.NaN;
  }

  point(): CodecPoint {
    const { bytes, bitsPerPixel, psnr, ssimUniform, ssimGaussian } = this.#sums;
    const mean = (sum: number) => sum / this.#images;
    const meanOrNull = (sum: number) => (Number.isNaN(sum) ? null : mean(sum));
    return {
      bytes: mean(bytes),
      bitsPerPixel: mean(bitsPerPixel),
      psnr: mean(psnr),
      ssimUniform: meanOrNull(ssimUniform),
      ssimGaussian: meanOrNull(ssimGaussian),
    };
  }
}
