import { expected, expectedBut } from "../../errors.ts";
import type { ViewPlan } from "../../image/view-plan.ts";

/**
 * A plan whose images have at most `count` tokens of the language model, each of factor x factor pixels.
 * @param folder of the model, for messages
 * @throws UNSUPPORTED for a plan of squares, of NaFlex or of tiles; INVALID_ARGUMENT for fewer than its least image has
 */
export function withFewerTokens(plan: ViewPlan, count: number, folder: string): ViewPlan {
  const subject = `option "maxImageTokens" for ${folder}`;
  if (plan.geometry !== "native" || plan.pixels === null || plan.tiles !== null) {
    const received = "one whose images have tokens of another number";
    throw expectedBut("UNSUPPORTED", "a model that shrinks images and keeps their ratio", subject, received);
  }
  const { pixels, patchSize } = plan;
  const { factor } = pixels;
  if ("longestEdge" in pixels) {
    const longestEdge = Math.min(pixels.longestEdge, Math.floor(Math.sqrt(count)) * factor);
    return {
      ...plan,
      maxPatches: Math.ceil(longestEdge / factor) ** 2 * (factor / patchSize) ** 2,
      pixels: { factor, longestEdge },
    };
  }
  const least = Math.ceil(pixels.minPixels / factor ** 2);
  if (count < least)
    throw expected("INVALID_ARGUMENT", `at least ${least}, which the smallest image has,`, subject, count);
  const maxPixels = Math.min(pixels.maxPixels, count * factor ** 2);
  return {
    ...plan,
    maxPatches: Math.ceil(Math.max(maxPixels, factor ** 2) / patchSize ** 2),
    pixels: { ...pixels, maxPixels },
  };
}
