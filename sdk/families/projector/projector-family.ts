import type * as z from "zod";
import type { Projector } from "../../contract/projector.ts";
import type { TensorLookup } from "../../weights/tensor-lookup.ts";

/**
 * A family of projectors: how one is known and read from a vision language model's checkpoint. To add one, write such a
 * record as `projector.ts` in the model's folder and export it from `all.ts`, or pass it to `loadProjector`.
 */
export interface ProjectorFamily<Config = unknown> {
  /** What `info.type` says. */
  readonly type: string;
  /** The `model_type`s of config.json that it reads. */
  readonly modelTypes: readonly string[];
  /** A field that marks it whatever the `model_type`; null for none. */
  readonly marker: string | null;
  /** Reads config.json; a missing field gets the value that the model's own code gives it. */
  readonly config: z.ZodType<Config>;
  /** A tensor of the projector: what stands before its name stands before the others'. */
  readonly landmark: string;
  /** Finds the projector's tensors. */
  read(config: Config, tensors: TensorLookup): ReadProjector;
}

export type ReadProjector = Pick<Projector, "features" | "ops" | "layout" | "tiling"> & { readonly inputDim: number };

/** A family with the type of its own config, as one of all. */
export const defineProjectorFamily = <Config>(family: ProjectorFamily<Config>): ProjectorFamily => family;
