import type { Classifier } from "../../contract/classifier.ts";
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
  async add(
    { original, decoded }: Pick<Reconstruction, "original" | "decoded">,
    label: string,
    signal?: AbortSignal,
  ): Promise<void> {
    const options = { count: 1, ...(signal && { signal }) };
    const [before, after] = (await this.#classifier.classify([original, decoded], options)).map(([best]) =>
      present(best, "a class for each image"),
    );
    this.#images++;
    if (before?.index === after?.index) this.#same++;
    const truth = this.#labels.findIndex((name) => name === label || name.split(", ")[0] === label);
    if (truth < 0) return;
    this.#right.images++;
    if (before?.index === truth) this.#right.original++;
    if (after?.index === truth) this.#right.decoded++;
  }

  /** Shares from 0 to 1. */
  get report(): NonNullable<ReconstructionReport["recognition"]> {
    const { images, original, decoded } = this.#right;
    const right = images === 0 ? null : { images, original: original / images, decoded: decoded / images };
    return { classes: this.#labels.length, same: this.#same / this.#images, right };
  }
}
