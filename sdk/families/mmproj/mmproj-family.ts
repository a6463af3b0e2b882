import type { Projector } from "../../contract/projector.ts";
import type { Family } from "../family.ts";
import type { VitNames } from "../vit/architecture.ts";
import type { MmprojKeys } from "./mmproj-keys.ts";
import type { TowerNames } from "./tower-names.ts";

/**
 * How an mmproj of llama.cpp becomes a checkpoint of a family: its keys as config.json and as the image processor's fields,
 * its tensors by the family's names. To add one, write such a record as `mmproj.ts` in the model's folder and export it from
 * `all.ts`.
 */
export interface MmprojFamily {
  /** `clip.projector_type`. */
  readonly type: string;
  /** The tower's names in the family's checkpoints; null where all that is known of it is what a file holds. */
  readonly tower: VitNames | TowerNames | null;
  /** What reads the tower where it is not the family of its `model_type`; null or left out for that one. */
  family?(keys: MmprojKeys): Family | null;
  /** The projector's tensors by their names in an mmproj, with those in the family's checkpoints. */
  readonly projector: Readonly<Record<string, string>> | ((keys: MmprojKeys) => Readonly<Record<string, string>>);
  /** The whole model's config.json. */
  config(keys: MmprojKeys): Record<string, unknown>;
  /** The fields of its image processor. */
  processor(keys: MmprojKeys): Record<string, unknown>;
  /** Undoes what the converter changed in the projector; left out for a file that holds the model's own numbers. */
  readonly undo?: (projector: Projector, keys: MmprojKeys) => Projector;
}
