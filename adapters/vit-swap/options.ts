import * as z from "zod";
import { option, parseOptions } from "../../sdk/kit.ts";
import { DEFAULT_BUILD } from "./llama-cpp-builds.ts";
import { isMmprojType, type MmprojTypeName, mmprojTypeNames } from "./mmproj/types.ts";
import { isTowerFact, type TowerFact, towerFacts } from "./tower-facts.ts";

export interface SwapOptions {
  /** Swap in spite of these differences between the towers. Some cannot be written, and are refused anyway. */
  readonly allow?: readonly TowerFact[];
  /**
   * The block (1-based, negative from the end) whose tokens the language model is given (default: what the model's file says).
   * Needed where the file does not say it.
   */
  readonly layer?: number;
  /** mmproj: type of the large tensors (default: that of the file that is changed; F16 for a new one). */
  readonly float?: "F32" | "F16";
  /** New mmproj: its projector type (default: that of the model that the projector comes from). */
  readonly type?: MmprojTypeName;
  /** mmproj: the llama.cpp that it is for: a release, a build such as "b10257", "class-first" or "class-last". */
  readonly llamaCpp?: string;
  /** mmproj: the output may be the input. */
  readonly inPlace?: boolean;
}

export interface ParsedOptions {
  readonly allow: ReadonlySet<TowerFact>;
  readonly layer: number | undefined;
  readonly float: "F32" | "F16" | undefined;
  readonly type: MmprojTypeName | undefined;
  readonly llamaCpp: string;
  readonly inPlace: boolean;
}

const schema = z.strictObject({
  allow: option.custom<readonly TowerFact[]>(
    `a list of ${towerFacts.join(", ")}`,
    (value) => Array.isArray(value) && value.every(isTowerFact),
  ),
  layer: option.number("a block from 1 or from -1", (block) => Number.isInteger(block) && block !== 0),
  float: option.oneOf("F32", "F16"),
  type: option.custom<MmprojTypeName>(`one of ${mmprojTypeNames.join(", ")}`, isMmprojType),
  llamaCpp: option.text("a version of llama.cpp"),
  inPlace: option.flag,
});

/** @throws INVALID_ARGUMENT that names the option of `method` */
export function parseSwapOptions(options: SwapOptions | undefined, method: string): ParsedOptions {
  const {
    allow = [],
    layer,
    float,
    type,
    llamaCpp = DEFAULT_BUILD,
    inPlace = false,
  } = parseOptions(schema, options, method);
  return { allow: new Set(allow), layer, float, type, llamaCpp, inPlace };
}
