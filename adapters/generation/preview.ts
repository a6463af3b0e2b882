import { FREE } from "./kept-ids.ts";

/**
 * A whole image of ids of which those from `next` on are not drawn yet: each takes the id above it, which carries on the
 * colours. What is kept of an image stays.
 * @param next at least a row from the beginning
 */
export function fillMissing(ids: Int32Array, kept: Int32Array, next: number, columns: number): Int32Array {
  const filled = ids.slice();
  for (let at = next; at < filled.length; at++) if (kept[at] === FREE) filled[at] = filled[at - columns]!;
  return filled;
}
