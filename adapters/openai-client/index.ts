/**
 * The public face of `vqrae/openai-client`: models behind any endpoint that speaks OpenAI's chat completions, and
 * vLLM with image embeddings of ours.
 *
 * @module vqrae/openai-client
 */

export { type OpenAiModelOptions, openAiModel } from "./openai-model.ts";
export { type FloatDtype, torchFile } from "./torch-file.ts";
export { type VllmModelOptions, vllmModel } from "./vllm-model.ts";
