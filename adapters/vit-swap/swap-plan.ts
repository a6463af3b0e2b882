import type { Mismatch } from "./compare.ts";
import type { DifferentWords } from "./mmproj/image-words.ts";
import type { RotaryMmprojType } from "./mmproj/rotary-types.ts";
import type { MmprojTypeName } from "./mmproj/types.ts";
import type { FeaturesTaken } from "./vision-tower.ts";

/**
 * "mmproj": an mmproj file gets another tower. "new mmproj": an encoder and the projector of a folder become an mmproj.
 * "checkpoint": a vision language model's folder gets another tower.
 */
export type SwapKind = "mmproj" | "new mmproj" | "checkpoint";

/** What a swap would do, of whatever kind. Each kind adds what it needs to write. */
export interface SwapPlan {
  readonly kind: SwapKind;
  readonly features: FeaturesTaken;
  /** Type of the tower's large tensors. */
  readonly dtype: string;
  /** All differences between the tower and the encoder; none where there is no tower to compare with. */
  readonly found: readonly Mismatch[];
  /** null for a checkpoint. */
  readonly projectorType: MmprojTypeName | RotaryMmprojType | null;
  /** Where the runtime of a new mmproj puts other words around an image than the language model was trained with. */
  readonly words: DifferentWords | null;
}
