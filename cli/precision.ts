import type { LoadOptions } from "../sdk/index.ts";
import { expected } from "../sdk/kit.ts";

/** Reads the values of --precision and --cache-dir; what is left out leaves the SDK's own. @throws INVALID_ARGUMENT */
export function precisionOptions(
  precision: string | undefined,
  cacheDir: string | undefined,
): Pick<LoadOptions, "precision" | "cacheDir"> {
  if (precision !== undefined && precision !== "fp32" && precision !== "int8") {
    throw expected("INVALID_ARGUMENT", '"fp32" or "int8"', "--precision", precision);
  }
  return { ...(precision && { precision }), ...(cacheDir && { cacheDir }) };
}
