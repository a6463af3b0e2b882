import { present } from "../../errors.ts";
import type { Checkpoint } from "../../families/checkpoint-parts.ts";
import { isStridedWeight } from "../../weights/dtypes.ts";
import { placeOf } from "../../weights/made/floats.ts";
import type { CheckpointTensor } from "../../weights/tensor-lookup.ts";
import type { TensorRef } from "../../weights/tensor-ref.ts";
import { type MakeOptions, makeFloats } from "./make-weights.ts";

/**
 * A checkpoint whose tensors all lie as graphs take them: views with strides of torch files are gathered into a file of the cache,
 * once. Any other checkpoint is given back as it is.
 *
 * @throws (of `tensors`) as `makeFloats`
 */
export function gatheredCheckpoint(checkpoint: Checkpoint, cache: string | null, options: MakeOptions): Checkpoint {
  return { ...checkpoint, tensors: async () => gathered(await checkpoint.tensors(), cache, options) };
}

async function gathered(tensors: ReadonlyMap<string, CheckpointTensor>, cache: string | null, options: MakeOptions) {
  const views: Record<string, TensorRef> = {};
  for (const [name, tensor] of tensors) {
    const { dtype } = tensor;
    if (isStridedWeight(dtype)) views[name] = { ...tensor, dtype };
  }
  if (Object.keys(views).length === 0) return tensors;
  const made = new Map<string, CheckpointTensor>(tensors);
  const floats = await makeFloats(views, cache, options);
  for (const [name, view] of Object.entries(views)) made.set(name, present(floats.get(placeOf(view)), name));
  return made;
}
