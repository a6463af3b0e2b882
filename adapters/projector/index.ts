/**
 * The public face of `vqrae/projector`: the embeddings that a language model takes, from a tokenizer's features.
 *
 * @module vqrae/projector
 */

export type {
  ImageLayout,
  Projector,
  ProjectorFeatures,
  ProjectorInfo,
  ProjectorOp,
  TileLayout,
} from "../../sdk/index.ts";
export { loadProjector } from "./load-projector.ts";
