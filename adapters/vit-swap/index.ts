/**
 * The public face of `vqrae/vit-swap`: an encoder in place of the vision tower of an existing vision language model.
 *
 * @module vqrae/vit-swap
 */

export { type Mismatch, showFact } from "./compare.ts";
export type { DifferentWords } from "./mmproj/image-words.ts";
export type { RotaryMmprojType } from "./mmproj/rotary-types.ts";
export { type ImageWords, type MmprojTypeName, mmprojTypeNames } from "./mmproj/types.ts";
export type { SwapOptions } from "./options.ts";
export { renameTokens } from "./rename-tokens.ts";
export { runtimeImages } from "./runtime-images.ts";
export type { SwapKind } from "./swap-plan.ts";
export { checkSwap, type SwapReport, swapVit } from "./swap-vit.ts";
export { type FactValue, type TowerFact, towerFacts } from "./tower-facts.ts";
