import type { Projector } from "../contract/projector.ts";
import type { CheckpointTensor } from "../weights/tensor-lookup.ts";

/** Where a model's config, its processor's fields and its tensors come from: a folder, or an mmproj file. */
export interface Checkpoint {
  /** Absolute. */
  readonly path: string;
  /** What holds the config, for messages. */
  readonly file: string;
  readonly modelId: string;
  readonly licence: string | null;
  /** config.json, or what it would be. */
  readonly json: Record<string, unknown>;
  /** The image processor's fields; null where the folder's own files say them. */
  readonly processor: Record<string, unknown> | null;
  /** @throws as `openTensors` */
  tensors(): Promise<ReadonlyMap<string, CheckpointTensor>>;
  /** null for a folder. `undo` takes back what the file's converter changed in the projector. */
  readonly mmproj: { undo(projector: Projector): Projector } | null;
}
