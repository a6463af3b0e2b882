import type { Projector } from "../contract/projector.ts";
import type { CheckpointTensor } from "../weights/tensor-lookup.ts";
import type { Family } from "./family.ts";

/** Where a model's config, its processor's fields and its tensors come from: a folder, or an mmproj file. */
export interface Checkpoint {
  /** Absolute. */
  readonly path: string;
  /** What holds the config, for messages. */
  readonly file: string;
  readonly modelId: string;
  readonly licence: string | null;
  /** config.json, or what it would be; empty where the family is known by the tensors (`recognise`). */
  readonly json: Record<string, unknown>;
  /** Whether there are weights alone, as most tokenizers are published. */
  readonly weightsAlone: boolean;
  /** The image processor's fields; null where the folder's own files say them. */
  readonly processor: Record<string, unknown> | null;
  /** @throws as `openFolderTensors` */
  tensors(): Promise<ReadonlyMap<string, CheckpointTensor>>;
  /** null for a folder. */
  readonly mmproj: MmprojParts | null;
}

export interface MmprojParts {
  /** Takes back what the file's converter changed in the projector. */
  undo(projector: Projector): Projector;
  /** What reads the tower by the config's `vision_config`; null for the family of its `model_type`. */
  readonly family: Family | null;
}
