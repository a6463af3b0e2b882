import { extname } from "node:path";
import { type Classifier, type ClassifyOptions, type ClassScore, topClasses } from "../../contract/classifier.ts";
import type { ImageInput } from "../../contract/image.ts";
import { eachImage } from "../../contract/image-inputs.ts";
import { expectedBut } from "../../errors.ts";
import { readImage } from "../../image/read/read-image.ts";
import { parseClassifyOptions } from "../../runtime/options.ts";
import { VQRAE } from "../../vqrae.ts";
import type { FeatureNetwork } from "./feature-network.ts";
import { openOnnxNetwork } from "./onnx-network.ts";

/**
 * Opens a classifier for `evaluateReconstruction`: an `.onnx` file whose description beside it (`network.onnx` and
 * `network.json`) names its `labels`, or what `VQRAE.load` takes, such as a ViT of the hub with its head.
 * @throws INVALID_ARGUMENT, INVALID_CONFIG, CHECKPOINT_NOT_FOUND, INVALID_CHECKPOINT, MISSING_DEPENDENCY, RUNTIME
 */
export async function openClassifier(source: string): Promise<Classifier> {
  if (extname(source).toLowerCase() !== ".onnx") return VQRAE.load(source);
  const { network, labels } = await openOnnxNetwork(source, { taps: [] });
  if (labels !== null) return new OnnxClassifier(network, labels);
  await network[Symbol.asyncDispose]();
  const mend = 'Name there each class in the order of the output that it calls "features".';
  throw expectedBut("INVALID_CONFIG", "labels in its description", `the classifier ${network.name}`, "none", mend);
}

class OnnxClassifier implements Classifier {
  readonly labels: readonly string[];
  readonly #network: FeatureNetwork;

  constructor(network: FeatureNetwork, labels: readonly string[]) {
    this.#network = network;
    this.labels = labels;
  }

  classify(image: ImageInput, options?: ClassifyOptions): Promise<ClassScore[]>;
  classify(images: readonly ImageInput[], options?: ClassifyOptions): Promise<ClassScore[][]>;
  async classify(
    input: ImageInput | readonly ImageInput[],
    options?: ClassifyOptions,
  ): Promise<ClassScore[] | ClassScore[][]> {
    const { signal, count = 5 } = parseClassifyOptions(options);
    return eachImage(input, signal, (image, signal) => this.#classes(image, count, signal));
  }

  async #classes(image: ImageInput, count: number, signal: AbortSignal): Promise<ClassScore[]> {
    const { features } = await this.#network.run(await readImage(image, { signal }), { signal });
    if (features.length === this.labels.length) return topClasses(features, this.labels, count);
    const wanted = `${this.labels.length} numbers, one a label,`;
    const what = `output "${this.#network.feature}" of the classifier ${this.#network.name}`;
    throw expectedBut("INVALID_CHECKPOINT", wanted, what, String(features.length));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.#network[Symbol.asyncDispose]());
  }
}
