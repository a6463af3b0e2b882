import { stat } from "node:fs/promises";
import { extname } from "node:path";
import { expected, expectedBut, isFile } from "../../sdk/kit.ts";
import { planCheckpoint } from "./checkpoint/plan-checkpoint.ts";
import { swapCheckpoint } from "./checkpoint/swap-checkpoint.ts";
import { type Mismatch, refusedOf } from "./compare.ts";
import { buildMmproj, planBuild } from "./mmproj/build-mmproj.ts";
import { buildRotaryMmproj, planRotaryMmproj } from "./mmproj/build-rotary.ts";
import type { DifferentWords } from "./mmproj/image-words.ts";
import type { RotaryMmprojType } from "./mmproj/rotary-types.ts";
import { planMmproj, swapMmproj } from "./mmproj/swap-mmproj.ts";
import { planRotarySwap, swapRotaryMmproj } from "./mmproj/swap-rotary.ts";
import type { MmprojTypeName } from "./mmproj/types.ts";
import { type ParsedOptions, parseSwapOptions, type SwapOptions } from "./options.ts";
import type { SwapKind, SwapPlan } from "./swap-plan.ts";
import { isRotary, loadEncoder, type RotaryTower, type VisionTower } from "./vision-tower.ts";

/** What a swap does, or would do. */
export interface SwapReport {
  readonly kind: SwapKind;
  /** The encoder's checkpoint. */
  readonly encoder: string;
  /** Of an mmproj: its projector type. */
  readonly projectorType: MmprojTypeName | RotaryMmprojType | null;
  /** The blocks (1-based) whose tokens the language model is given, and whether through the final norm. */
  readonly layers: readonly number[];
  readonly finalNorm: boolean;
  /** Type of the tower's large tensors. */
  readonly dtype: string;
  /** All differences between the tower and the encoder. For a new mmproj there is no tower to compare with. */
  readonly mismatches: readonly Mismatch[];
  /** Those for which the swap is refused. */
  readonly refused: readonly Mismatch[];
  /** Of a new mmproj: where its runtime puts other words around an image than the language model was trained with. */
  readonly words: DifferentWords | null;
}

/** Looks at a swap, or makes it. Both give its plan. */
type Work = (model: string, encoder: VisionTower, out: string, options: ParsedOptions) => Promise<SwapPlan>;

const kinds: Readonly<Record<SwapKind, { readonly plan: Work; readonly write: Work }>> = {
  mmproj: { plan: planMmproj, write: swapMmproj },
  "new mmproj": { plan: planBuild, write: buildMmproj },
  checkpoint: { plan: planCheckpoint, write: swapCheckpoint },
};

/**
 * Puts an encoder into a vision language model and writes `out`:
 * - `model` is an mmproj GGUF, `out` a `.gguf` file: the vision tower is replaced; the projector, other keys and tensors stay;
 * - `model` is a folder with a projector, `out` a `.gguf` file: encoder and projector become a whole mmproj;
 * - `model` is a VLM's folder, `out` a new folder: the tower's tensors are replaced in their places in the safetensors files;
 *   every other byte and file stays.
 *
 * If it throws, nothing is left at `out`.
 *
 * @param encoder a checkpoint folder, or "default"
 * @throws INVALID_ARGUMENT for an option that is wrong and for an output that is the input; INCOMPATIBLE naming every difference
 *   that `allow` does not list; UNSUPPORTED for what llama.cpp's graph would compute differently; ALREADY_EXISTS for a folder
 *   that is there; IO_ERROR where the disk refuses; and what reading the model and the encoder throws
 */
export const swapVit = (model: string, encoder: string, out: string, options?: SwapOptions): Promise<SwapReport> =>
  run("write", "swapVit", model, encoder, out, options);

/**
 * What `swapVit` would do with the same arguments, and every difference between the towers. Nothing is written.
 * @throws as `swapVit`, but for differences, which are in the report
 */
export const checkSwap = (model: string, encoder: string, out: string, options?: SwapOptions): Promise<SwapReport> =>
  run("plan", "checkSwap", model, encoder, out, options);

async function run(
  step: "plan" | "write",
  method: string,
  model: string,
  encoder: string,
  out: string,
  options: SwapOptions | undefined,
): Promise<SwapReport> {
  const parsed = parseSwapOptions(options, method);
  const kindOfSwap = await kindOf(model, out);
  const tower = await loadEncoder(encoder);
  const { kind, features, dtype, found, projectorType, words } = isRotary(tower)
    ? await rotaryPlan(step, kindOfSwap, model, tower, out, parsed)
    : await kinds[kindOfSwap][step](model, tower, out, parsed);
  return {
    kind,
    encoder: tower.modelId,
    projectorType,
    ...features,
    dtype,
    mismatches: found,
    refused: refusedOf(found, parsed.allow),
    words,
  };
}

/** Towers with rotary positions become whole new mmproj files, or take another's place in one. */
function rotaryPlan(
  step: "plan" | "write",
  kind: SwapKind,
  model: string,
  tower: RotaryTower,
  out: string,
  options: ParsedOptions,
): Promise<SwapPlan> {
  if (kind === "new mmproj")
    return (step === "plan" ? planRotaryMmproj : buildRotaryMmproj)(model, tower, out, options);
  if (kind === "mmproj") return (step === "plan" ? planRotarySwap : swapRotaryMmproj)(model, tower, out, options);
  const mend = "Give the folder that the projector is in, and a name ending in .gguf for the output.";
  throw expectedBut(
    "UNSUPPORTED",
    "an mmproj",
    `an encoder with rotary positions, ${tower.modelId},`,
    `a ${kind}`,
    mend,
  );
}

async function kindOf(model: string, out: string): Promise<SwapKind> {
  for (const [name, path] of Object.entries({ model, out })) {
    if (typeof path !== "string" || path === "") throw expected("INVALID_ARGUMENT", "a path", name, path);
  }
  const toFile = extname(out).toLowerCase() === ".gguf";
  if (await isFile(model)) {
    if (toFile) return "mmproj";
    throw expected("INVALID_ARGUMENT", "a name ending in .gguf", "the output of an mmproj", out);
  }
  if (await stat(model).catch(() => null)) return toFile ? "new mmproj" : "checkpoint";
  const received = `${model}: nothing there`;
  const details = { path: model };
  throw expectedBut("CHECKPOINT_NOT_FOUND", "an mmproj file or a checkpoint folder", "the model", received, details);
}
