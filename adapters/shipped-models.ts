import type { ImageGenerator } from "./generation/index.ts";
import type { VisionLanguageModel } from "./vision-language-model.ts";

/**
 * The small models that the package carries, by id. This is the one place where what takes any model of a contract
 * meets what runs one: the adapter is imported when the model is first loaded, and not before.
 */
export const shippedLanguageModels: Readonly<Record<string, () => Promise<VisionLanguageModel>>> = {
  "vqrae-tiny-vlm": async () => (await import("./llama-cpp/index.ts")).loadVlm("default"),
};

export const shippedImageModels: Readonly<Record<string, () => Promise<ImageGenerator>>> = {
  "vqrae-tiny-generator": async () => (await import("./generation/index.ts")).loadGenerator("default"),
};
