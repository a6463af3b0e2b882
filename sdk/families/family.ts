import type * as z from "zod";
import type { ViewPlan } from "../image/view-plan.ts";
import type { TensorLookup } from "../weights/tensor-lookup.ts";
import type { Model, ModelBase } from "./model.ts";

/**
 * A family of models: how a checkpoint of it is known, read and prepared for. Adding one is a folder in `sdk/families/` and
 * a line in `all.ts`, or a value that you pass to `VQRAE.load(..., { families })`.
 */
export interface Family<Config = unknown> {
  /**
   * Each `model_type` of config.json that it reads, and the keys that lead from the file's top to the section that describes
   * the vision model. A model of another type whose `vision_config` is of a type at the top level is a VLM: its tower loads.
   */
  readonly modelTypes: Readonly<Record<string, readonly string[]>>;
  /**
   * Of a family whose files are often weights alone: the config.json that these would have, or null for a file of another
   * family. It looks at names and shapes.
   */
  recognise?(tensors: TensorLookup): Record<string, unknown> | null;
  /** What `recognise` knows, for messages. */
  readonly recognises?: readonly string[];
  /** Reads that section. A missing field gets the value that the model's own code gives it; unknown ones are refused. */
  readonly config: z.ZodType<Config>;
  /**
   * How images are prepared: as the checkpoint's own image processor does it.
   * @throws INVALID_CONFIG naming a field that does not validate or asks for what cannot be done
   */
  image(config: Config, source: FamilySource): Promise<ViewPlan> | ViewPlan;
  /**
   * Finds the tensors, checks their shapes and puts the model together.
   * @throws INVALID_CHECKPOINT, INVALID_CONFIG; UNSUPPORTED for a variant that computes something else
   */
  read(config: Config, tensors: TensorLookup, base: ModelBase, source: FamilySource): Promise<Model> | Model;
}

/** Where a checkpoint's config was read. */
export interface FamilySource {
  /** The folder, or the file that an mmproj is. */
  readonly folder: string;
  /** The path of config.json, for messages. */
  readonly file: string;
  /** All of config.json, which may be a vision language model's. */
  readonly json: Record<string, unknown>;
  /** The keys that lead to the family's section. */
  readonly path: readonly string[];
  /** The image processor's fields where the checkpoint is one file; null for a folder, whose own files say them. */
  readonly processor: Record<string, unknown> | null;
}

/** A family with the type of its own config, as one of all. */
export const defineFamily = <Config>(family: Family<Config>): Family => family;
