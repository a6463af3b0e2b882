import { NoSuchModelError, type ProviderV4 } from "@ai-sdk/provider";
import type { ImageGenerator } from "../generation/index.ts";
import { shippedImageModels, shippedLanguageModels } from "../shipped-models.ts";
import type { VisionLanguageModel } from "../vision-language-model.ts";
import { VqraeExtractionModel } from "./extraction/extraction-model.ts";
import { VqraeImageModel } from "./image-model.ts";
import { VqraeLanguageModel } from "./language-model.ts";
import { LazyModels, type ModelSource } from "./lazy-models.ts";

export interface VqraeProviderSettings {
  /**
   * By the id that `languageModel` takes; a function is called at the first use. Default: the small model that ships.
   */
  readonly languageModels?: Readonly<Record<string, ModelSource<VisionLanguageModel>>>;
  /**
   * By the id that `imageModel` takes; a function is called at the first use. Default: the small generator that ships.
   */
  readonly imageModels?: Readonly<Record<string, ModelSource<ImageGenerator>>>;
}

/** Models of this package for the AI SDK's `generateText`, `streamText` and `generateImage`. */
export interface VqraeProvider extends ProviderV4, AsyncDisposable {
  /** Without an id the first one. @throws NoSuchModelError */
  languageModel(modelId?: string): VqraeLanguageModel;
  /** Without an id the first one. @throws NoSuchModelError */
  imageModel(modelId?: string): VqraeImageModel;
  /**
   * Of the language models, without an id the first one, for the SDK's `experimental_extract`.
   * @throws NoSuchModelError
   */
  extractionModel(modelId?: string): VqraeExtractionModel;
  /** Disposes the models that a function of the settings loaded. You dispose those that you handed over yourself. */
  dispose(): Promise<void>;
}

/**
 * ```ts
 * const vqrae = createVqrae();
 * const { text } = await generateText({
 *   model: vqrae.languageModel(),
 *   messages: [{ role: "user", content: [{ type: "file", mediaType: "image/png", data }, { type: "text", text: "what is it?" }] }],
 * });
 * ```
 */
export function createVqrae(settings: VqraeProviderSettings = {}): VqraeProvider {
  const languageModels = new LazyModels<VisionLanguageModel>(
    "languageModel",
    settings.languageModels ?? shippedLanguageModels,
  );
  const imageModels = new LazyModels<ImageGenerator>("imageModel", settings.imageModels ?? shippedImageModels);
  const dispose = async () => {
    await languageModels.dispose();
    await imageModels.dispose();
  };
  return {
    specificationVersion: "v4",
    languageModel(modelId = languageModels.defaultId) {
      languageModels.require(modelId);
      return new VqraeLanguageModel(modelId, () => languageModels.load(modelId));
    },
    imageModel(modelId = imageModels.defaultId) {
      imageModels.require(modelId);
      return new VqraeImageModel(modelId, () => imageModels.load(modelId));
    },
    extractionModel(modelId = languageModels.defaultId) {
      languageModels.require(modelId);
      return new VqraeExtractionModel(modelId, () => languageModels.load(modelId));
    },
    embeddingModel: (modelId) => none("embeddingModel", modelId, EMBEDS_IMAGES),
    transcriptionModel: (modelId) => none("transcriptionModel", modelId, HEARS_NOTHING),
    speechModel: (modelId) => none("speechModel", modelId, HEARS_NOTHING),
    rerankingModel: (modelId) => none("rerankingModel", modelId, EMBEDS_IMAGES),
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}

const EMBEDS_IMAGES =
  "The AI SDK's embedding and reranking models take text. For images use `VQRAE.load(...)` of vqrae and its `encode`.";
const HEARS_NOTHING = "The models of vqrae read images and texts, and hear and say nothing.";

type ModelType = ConstructorParameters<typeof NoSuchModelError>[0]["modelType"];

function none(modelType: ModelType, modelId: string, message: string): never {
  throw new NoSuchModelError({ modelId, modelType, message });
}
