import type { ImageInput } from "./image.ts";

/** Names what an image shows, among the classes that its head was trained on. */
export interface Classifier extends AsyncDisposable {
  /** The names of the classes, by index; null for a model without a classification head. */
  readonly labels: readonly string[] | null;

  /**
   * The most probable classes of an image, the first one first. A head knows its own classes alone: whatever the image
   * shows, the probabilities of all classes add up to 1.
   * @throws UNSUPPORTED for a model without a classification head; INVALID_IMAGE, IMAGE_TOO_LARGE, INVALID_ARGUMENT,
   * DISPOSED, RUNTIME; the signal's reason
   */
  classify(image: ImageInput, options?: ClassifyOptions): Promise<ClassScore[]>;
  /** Classifies many images in batches; the result keeps their order. An error's `index` says which image it is about. */
  classify(images: readonly ImageInput[], options?: ClassifyOptions): Promise<ClassScore[][]>;
}

export interface ClassifyOptions {
  /** How many classes to give (default 5). */
  readonly count?: number;
  /** Acts between images and between batches. */
  readonly signal?: AbortSignal;
}

export interface ClassScore {
  readonly index: number;
  readonly label: string;
  /** What the head says before softmax. */
  readonly logit: number;
  /** softmax over all classes, 0 to 1. */
  readonly probability: number;
}

/** The `count` largest of the logits of one image, by label. */
export function topClasses(logits: Float32Array, labels: readonly string[], count: number): ClassScore[] {
  const largest = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0);
  return Array.from(labels, (label, index) => ({ index, label, logit: logits[index] ?? Number.NEGATIVE_INFINITY }))
    .sort((a, b) => b.logit - a.logit || a.index - b.index)
    .slice(0, count)
    .map((score) => ({ ...score, probability: Math.exp(score.logit - largest) / total }));
}
