/** Every kind of step that projectors are made of, a line each. */

export { activation } from "./activation.ts";
export { averagePool } from "./average-pool.ts";
export { gatedMlp } from "./gated-mlp.ts";
export { layerNorm } from "./layer-norm.ts";
export { linear } from "./linear.ts";
export { pixelShuffle } from "./pixel-shuffle.ts";
export { rmsNorm } from "./rms-norm.ts";
export { unfold } from "./unfold.ts";
