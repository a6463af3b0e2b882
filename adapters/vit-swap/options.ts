import { expected } from "../../sdk/kit.ts";
import { DEFAULT_BUILD } from "./llama-cpp-builds.ts";
import { isMmprojType, type MmprojTypeName, mmprojTypeNames } from "./mmproj/types.ts";
import { type TowerFact, towerFacts } from "./tower-facts.ts";

export interface SwapOptions {
  /** Differences between the towers that are written all the same; those that cannot be are refused anyway. */
  readonly allow?: readonly TowerFact[];
  /**
   * The block (1-based, negative from the end) whose tokens the language model is given. Needed where the model's file does
   * not say it; the default is what it says.
   */
  readonly layer?: number;
  /** mmproj: type of the large tensors (default: that of the file that is changed, F16 for a new one). */
  readonly float?: "F32" | "F16";
  /** New mmproj: its projector type (default: that of the model the projector comes from). */
  readonly type?: MmprojTypeName;
  /** mmproj: the llama.cpp that it is for: a release, a build such as "b10257", "class-first" or "class-last". */
  readonly llamaCpp?: string;
  /** mmproj: allows the output to be the input. */
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

/** @throws INVALID_ARGUMENT naming the option */
export function parseOptions(options: SwapOptions = {}): ParsedOptions {
  const { allow = [], layer, float, type, llamaCpp = DEFAULT_BUILD, inPlace = false } = options;
  const wrong = (what: string, name: string, received: unknown) => expected("INVALID_ARGUMENT", what, name, received);
  for (const fact of allow) {
    if (!towerFacts.includes(fact)) throw wrong(`one of ${towerFacts.join(", ")}`, "allow", fact);
  }
  if (layer !== undefined && (!Number.isInteger(layer) || layer === 0))
    throw wrong("a block from 1 or from -1", "layer", layer);
  if (float !== undefined && float !== "F32" && float !== "F16") throw wrong("F32 or F16", "float", float);
  if (type !== undefined && !isMmprojType(type)) throw wrong(`one of ${mmprojTypeNames.join(", ")}`, "type", type);
  if (typeof llamaCpp !== "string") throw wrong("a version", "llamaCpp", llamaCpp);
  if (typeof inPlace !== "boolean") throw wrong("true or false", "inPlace", inPlace);
  return { allow: new Set(allow), layer, float, type, llamaCpp, inPlace };
}
