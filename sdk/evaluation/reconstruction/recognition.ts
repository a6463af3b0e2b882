import type { Classifier } from "../../contract/classifier.ts";
import type { RgbImage } from "../../contract/image.ts";
import { expectedBut, present } from "../../errors.ts";
import type { Reconstruction } from "./reconstruct.ts";
import type { ReconstructionReport } from "./report.ts";

/**
 * What a classifier still knows when it sees reconstructions, by its first class alone. Name the classifier beside the number:
 * one that the tokenizer was trained with, or built on, is no judge.
 */
export class Recognition {
  readonly #classifier: Classifier;
  readonly #labels: readonly string[];
  #images = 0;
  #same = 0;
  readonly #right = { images: 0, original: 0, decoded: 0 };

  /** @throws UNSUPPORTED for a classifier without labels */
  constructor(classifier: Classifier) {
    this.#classifier = classifier;
    if (classifier.labels === null)
      throw expectedBut("UNSUPPORTED", "a checkpoint with a classification head", "the classifier", "one without");
    this.#labels = classifier.labels;
  }

  /** @param label what the image shows; it counts where it is a class, or the first of a class's names */
  async add({ original, decoded }: Reconstruction, label: string, signal?: AbortSignal): Promise<void> {
    const [before, after] = await firstClasses(this.#classifier, [original, decoded], signal);
    this.count(before, after, label);
  }

  /**
   * Counts an image whose classes are known already.
   * @param before the first class of the original, by index
   * @param after of what came back
   * @param label as `add`'s
   */
  count(before: number | undefined, after: number | undefined, label: string): void {
    this.#images++;
    if (before === after) this.#same++;
    const truth = this.#labels.findIndex((name) => name === label || name.split(", ")[0] === label);
    if (truth < 0) return;
    this.#right.images++;
    if (before === truth) this.#right.original++;
    if (after === truth) this.#right.decoded++;
  }

  /** Shares from 0 to 1. */
  get report(): NonNullable<ReconstructionReport["recognition"]> {
    const { images, original, decoded } = this.#right;
    const right = images === 0 ? null : { images, original: original / images, decoded: decoded / images };
    return { classes: this.#labels.length, same: this.#same / this.#images, right };
  }
}

/** The most probable class of each image, by index. */
export async function firstClasses(
  classifier: Classifier,
  images: readonly RgbImage[],
  signal?: AbortSignal,
): Promise<number[]> {
  const classes = await classifier.classify(images, { count: 1, ...(signal && { signal }) });
  return classes.map(([best]) => present(best, "a class for each image").index);
}
