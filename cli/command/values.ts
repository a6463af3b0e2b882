import type { LoadOptions } from "../../sdk/index.ts";
import { expected } from "../../sdk/kit.ts";

/** How the texts of options become values. Each throws INVALID_ARGUMENT naming the option. */

/** The value of an option that counts something. */
export function wholeNumber(option: string, text: string, least: number, most = Number.MAX_SAFE_INTEGER): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isSafeInteger(value) && value >= least && value <= most) return value;
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  throw expected("INVALID_ARGUMENT", `a whole number ${range}`, option, text);
}

/** Numbers that options hold, by the names that the SDK has for them; those that were not given are left out. */
export function numbersOf<K extends string>(
  args: Readonly<Record<string, unknown>>,
  names: Readonly<Record<string, K>>,
): Partial<Record<K, number>> {
  const found: Partial<Record<K, number>> = {};
  for (const [option, name] of Object.entries(names)) {
    const text = args[option];
    if (typeof text !== "string") continue;
    const value = Number(text);
    if (!Number.isFinite(value)) throw expected("INVALID_ARGUMENT", "a number", `--${option}`, text);
    found[name] = value;
  }
  return found;
}

/** --max-pixels as an option of the SDK's; without it the SDK's own limit holds. */
export const imageLimit = (text: string | undefined): Pick<LoadOptions, "maxPixels"> =>
  text === undefined ? {} : { maxPixels: wholeNumber("--max-pixels", text, 1) };

/** --precision and --cache-dir; what is left out leaves the SDK's own. */
export function precisionOptions(
  precision: string | undefined,
  cacheDir: string | undefined,
): Pick<LoadOptions, "precision" | "cacheDir"> {
  if (precision !== undefined && precision !== "fp32" && precision !== "int8") {
    throw expected("INVALID_ARGUMENT", '"fp32" or "int8"', "--precision", precision);
  }
  return { ...(precision && { precision }), ...(cacheDir && { cacheDir }) };
}

const GPUS = ["auto", "cuda", "vulkan", "metal", "off"] as const;
type Gpu = (typeof GPUS)[number];

export const gpuArg = {
  type: "string",
  default: "auto",
  valueHint: GPUS.join("|"),
  description: "Where llama.cpp runs the language model",
} as const;

/** The value of --gpu, as llama.cpp takes it. */
export function gpuOf(value: string): Exclude<Gpu, "off"> | false {
  const found = GPUS.find((gpu) => gpu === value);
  if (found === undefined) throw expected("INVALID_ARGUMENT", `one of ${GPUS.join(", ")}`, "--gpu", value);
  return found === "off" ? false : found;
}
