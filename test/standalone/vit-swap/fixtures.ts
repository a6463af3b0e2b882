import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { type GgufChanges, rewriteGguf } from "../../../adapters/gguf/index.ts";
import { type SwapOptions, swapVit } from "../../../adapters/vit-swap/index.ts";
import { rewritten } from "../../golden/projector/rewritten.ts";
import { failure, temporaryFolder } from "../checkpoint/temporary.ts";

/** Tiny VLMs of transformers: 16 px, patches of 4, width 16, 3 blocks, 2 heads. */
export const vlm = (name: string): string => join(import.meta.dirname, "../../golden/projector", name);
/** A tower of the sizes of one of them with other weights. */
export const encoder = (name: string): string => join(import.meta.dirname, "../../golden/vit-swap", name, "encoder");

/** LLaVA's projector for towers without a class token. */
export const llavaFull = (layer: number | number[] = -2): Promise<string> =>
  rewritten(
    "llava-1.5",
    (tensor) => tensor,
    (config) => ({ ...config, vision_feature_select_strategy: "full", vision_feature_layer: layer }),
  );

/** An mmproj of a tower and a projector, F32, after `changes`. */
export async function mmproj(
  tower: string,
  projector = tower,
  { changes, ...options }: SwapOptions & { changes?: GgufChanges } = {},
): Promise<string> {
  const folder = await temporaryFolder();
  const [built, changed] = [join(folder, "built.gguf"), join(folder, "mmproj.gguf")];
  await swapVit(projector, tower, built, { float: "F32", ...options });
  await rewriteGguf(built, changed, changes ?? {});
  return changed;
}

/** What a swap is refused with; nothing may be left in the output's folder. */
export async function refusal(model: string, from: string, name: string, options?: SwapOptions) {
  const folder = await temporaryFolder();
  const error = await failure(swapVit(model, from, join(folder, name), options));
  expect(await readdir(folder)).toEqual([]);
  return error;
}
