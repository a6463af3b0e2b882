import { ApiError } from "../http/api-error.ts";
import type { EndpointLimits } from "../limits.ts";

/** Counts the parts of a conversation, and the images among them, before any is fetched. @throws ApiError 400 */
export function checkCounts<T extends object>(
  contents: readonly (string | readonly T[])[],
  imagesIn: (part: T) => number,
  { param, limits }: { readonly param: string; readonly limits: EndpointLimits },
): void {
  const all = contents.flatMap((content) => (typeof content === "string" ? [] : content));
  if (all.length > limits.parts) throw tooMany("parts", limits.parts, all.length, param);
  const count = all.reduce((sum, part) => sum + imagesIn(part), 0);
  if (count > limits.images) throw tooMany("images", limits.images, count, param);
}

export const tooMany = (what: string, most: number, count: number, param: string) =>
  new ApiError(400, `Expected at most ${most} ${what} in a request but received ${count}.`, { param });
