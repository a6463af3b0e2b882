/**
 * The public face of `vqrae/ai-sdk`: a provider of the AI SDK, for models in this process.
 *
 * @module vqrae/ai-sdk
 */

export { createVqrae, type VqraeProvider, type VqraeProviderSettings } from "./provider.ts";
