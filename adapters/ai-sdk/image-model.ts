import {
  type ImageModelV4,
  type ImageModelV4CallOptions,
  type ImageModelV4Result,
  InvalidArgumentError,
  type SharedV4Warning,
} from "@ai-sdk/provider";
import { encodePng } from "../../sdk/index.ts";
import type { ImageGenerator, ImageGeneratorInfo } from "../generation/index.ts";
import { WITHOUT_MASK } from "../image-edits.ts";
import { editedImage } from "./edited-image.ts";
import { toAiSdkError } from "./errors.ts";
import { imageOptions } from "./image-options.ts";

/** An image generator as the AI SDK's specification V4 wants it; made by `VqraeProvider.imageModel`. */
export class VqraeImageModel implements ImageModelV4 {
  readonly specificationVersion = "v4";
  readonly provider = "vqrae";
  readonly modelId: string;
  /** As many as the generator takes. The parts of a call that is split would draw with the same seed. */
  readonly maxImagesPerCall = 1000;
  readonly #load: () => Promise<ImageGenerator>;

  /** @internal */
  constructor(modelId: string, load: () => Promise<ImageGenerator>) {
    this.modelId = modelId;
    this.#load = load;
  }

  /**
   * PNG images. `providerMetadata.vqrae.images` has each one's seed and ids. An image in `files` keeps what `mask` keeps,
   * or the share of its rows that `providerOptions.vqrae.keep` says, and the rest is drawn. `providerOptions.vqrae.bestOf`
   * is the option of `generate`.
   * @throws InvalidArgumentError, also for another size than the model's; InvalidPromptError for a bad image;
   *   UnsupportedFunctionalityError for several files
   */
  async doGenerate(options: ImageModelV4CallOptions): Promise<ImageModelV4Result> {
    const { prompt, n, seed, files = [], mask, abortSignal } = options;
    if (prompt === undefined && files.length === 0) throw argumentError("prompt", "a text or an image", "none");
    try {
      const generator = await this.#load();
      const warnings: SharedV4Warning[] = [];
      checkSize(options, generator.info, warnings);
      const { keep, bestOf } = imageOptions(options);
      const edited = editedImage(options, keep, generator.info);
      if (edited.editImage !== undefined && mask === undefined) warnings.push({ type: "other", message: WITHOUT_MASK });
      const images = await generator.generateImages(prompt ?? "", {
        n,
        ...edited,
        ...(bestOf !== undefined && { bestOf }),
        ...(seed !== undefined && { seed }),
        ...(abortSignal && { signal: abortSignal }),
      });
      return {
        images: await Promise.all(images.map(({ image }) => encodePng(image))),
        warnings,
        providerMetadata: { vqrae: { images: images.map(({ seed, ids }) => ({ seed, ids: [...ids] })) } },
        response: { timestamp: new Date(), modelId: this.modelId, headers: undefined },
      };
    } catch (error) {
      throw toAiSdkError(error, prompt);
    }
  }
}

function checkSize(
  { size, aspectRatio }: ImageModelV4CallOptions,
  { outputSize: { width, height } }: ImageGeneratorInfo,
  warnings: SharedV4Warning[],
): void {
  if (size !== undefined && size !== `${width}x${height}`) throw argumentError("size", `${width}x${height}`, size);
  if (aspectRatio === undefined) return;
  const [columns = 0, rows = 0] = aspectRatio.split(":").map(Number);
  if (columns * height === rows * width) return;
  warnings.push({ type: "unsupported", feature: "aspectRatio", details: `Images have ${width}x${height} pixels.` });
}

function argumentError(argument: string, what: string, received: string): InvalidArgumentError {
  const message = `Expected ${what} for ${argument} of generateImage but received ${received}.`;
  return new InvalidArgumentError({ argument, message });
}
