import { stat } from "node:fs/promises";
import { extname } from "node:path";
import { expected, expectedBut, isFile } from "../../sdk/kit.ts";
import { type CheckpointPlan, planCheckpoint } from "./checkpoint/plan-checkpoint.ts";
import { swapCheckpoint } from "./checkpoint/swap-checkpoint.ts";
import { type Mismatch, refusedOf } from "./compare.ts";
import { type BuildPlan, buildMmproj, planBuild } from "./mmproj/build-mmproj.ts";
import { type DifferentWords, differentWords } from "./mmproj/image-words.ts";
import { type MmprojPlan, planMmproj, swapMmproj } from "./mmproj/swap-mmproj.ts";
import type { MmprojTypeName } from "./mmproj/types.ts";
import { type ParsedOptions, parseOptions, type SwapOptions } from "./options.ts";
import { loadTower } from "./vision-tower.ts";

/** What a swap does, or would do. */
export interface SwapReport {
  /**
   * "mmproj": an mmproj file with another tower; "new mmproj": one of an encoder and the projector of a folder; "checkpoint":
   * a vision language model's folder with another tower.
   */
  readonly kind: "mmproj" | "new mmproj" | "checkpoint";
  /** The encoder's checkpoint. */
  readonly encoder: string;
  /** Of an mmproj: its projector type. */
  readonly projectorType: MmprojTypeName | null;
  /** The blocks (1-based) whose tokens the language model is given, and whether through the final norm. */
  readonly layers: readonly number[];
  readonly finalNorm: boolean;
  /** Type of the tower's large tensors. */
  readonly dtype: string;
  /** All differences between the tower and the encoder; for a new mmproj there is no tower to compare with. */
  readonly mismatches: readonly Mismatch[];
  /** Those for which the swap is refused. */
  readonly refused: readonly Mismatch[];
  /** Of a new mmproj: where its runtime puts other words around an image than the language model was trained with. */
  readonly words: DifferentWords | null;
}

/**
 * Puts an encoder into a vision language model and writes `out`, a new file or folder:
 * - `model` an mmproj GGUF, `out` a `.gguf` file: its vision tower is replaced, its projector, keys and other tensors kept;
 * - `model` a folder with a projector, `out` a `.gguf` file: a whole mmproj is built from encoder and projector;
 * - `model` a VLM's folder, `out` a folder: the tower's tensors are replaced in its safetensors files, byte for byte in their
 *   places; every other file and byte is kept.
 *
 * @param encoder a checkpoint folder, or "default"
 * @throws INVALID_ARGUMENT naming every difference that was not allowed, for an output that is the input, and where the disk
 *   refuses; UNSUPPORTED for what llama.cpp's graph would compute otherwise; and what reading the model and the encoder
 *   throws. Nothing is left at `out` then.
 */
export async function swapVit(model: string, encoder: string, out: string, options?: SwapOptions): Promise<SwapReport> {
  const parsed = parseOptions(options);
  const kind = await kindOf(model, out);
  const tower = await loadTower(encoder);
  const write = { mmproj: swapMmproj, "new mmproj": buildMmproj, checkpoint: swapCheckpoint }[kind];
  return report(kind, tower.modelId, await write(model, tower, out, parsed), parsed);
}

/**
 * What `swapVit` would do with the same arguments, and every difference between the towers; nothing is written.
 * @throws as `swapVit`, but for differences, which it reports
 */
export async function checkSwap(
  model: string,
  encoder: string,
  out: string,
  options?: SwapOptions,
): Promise<SwapReport> {
  const parsed = parseOptions(options);
  const kind = await kindOf(model, out);
  const tower = await loadTower(encoder);
  const plan = { mmproj: planMmproj, "new mmproj": planBuild, checkpoint: planCheckpoint }[kind];
  return report(kind, tower.modelId, await plan(model, tower, out, parsed), parsed);
}

function report(
  kind: SwapReport["kind"],
  encoder: string,
  plan: MmprojPlan | BuildPlan | CheckpointPlan,
  { allow }: ParsedOptions,
): SwapReport {
  const mismatches = "found" in plan ? plan.found : [];
  return {
    kind,
    encoder,
    projectorType: "model" in plan ? null : "mmproj" in plan ? plan.mmproj.type : plan.type,
    ...plan.features,
    dtype: "model" in plan ? plan.dtype : plan.float,
    mismatches,
    refused: refusedOf(mismatches, allow),
    words: "projector" in plan ? differentWords(plan.type, plan.projector.layout) : null,
  };
}

async function kindOf(model: string, out: string): Promise<SwapReport["kind"]> {
  for (const [name, path] of Object.entries({ model, out })) {
    if (typeof path !== "string" || path === "") throw expected("INVALID_ARGUMENT", "a path", name, path);
  }
  const toFile = extname(out).toLowerCase() === ".gguf";
  if (await isFile(model)) {
    if (toFile) return "mmproj";
    throw expected("INVALID_ARGUMENT", "a name ending in .gguf", "the output of an mmproj", out);
  }
  if (await stat(model).catch(() => null)) return toFile ? "new mmproj" : "checkpoint";
  throw expectedBut(
    "CHECKPOINT_NOT_FOUND",
    "an mmproj file or a checkpoint folder",
    "the model",
    `${model}: nothing there`,
  );
}
