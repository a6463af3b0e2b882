import { expectedBut } from "../../../../sdk/kit.ts";
import type { Detection } from "./detections.ts";
import { relativePosition } from "./geometry.ts";
import { COLORS, type Color, type GenEvalPrompt, type IncludeClause } from "./prompts.ts";

export interface ImageVerdict {
  readonly correct: boolean;
  /** Why not, a line for each clause that does not hold, in the reference's words; empty if all hold. */
  readonly reason: string;
}

/**
 * Whether the objects found in an image are what the prompt asks for: all include clauses hold, over the surest boxes
 * of each class, and no exclude clause does. Equals `evaluate` of djghosh13/geneval, evaluation/evaluate_images.py.
 * @param objects by class, the surest first; see `keptObjects`
 * @throws INVALID_DATA if a colour is asked for and a box has none
 */
export function evaluateImage(
  { include, exclude }: Pick<GenEvalPrompt, "include" | "exclude">,
  objects: ReadonlyMap<string, readonly Detection[]>,
): ImageVerdict {
  const reasons: string[] = [];
  /** What each clause found; null if it does not hold. */
  const matched: (readonly Detection[] | null)[] = [];
  for (const clause of include) {
    const found = (objects.get(clause.class) ?? []).slice(0, clause.count);
    const failure =
      found.length < clause.count
        ? `expected ${clause.class}>=${clause.count}, found ${found.length}`
        : (wrongColor(clause, found) ?? wrongPlace(clause, found, matched));
    if (failure !== null) reasons.push(failure);
    matched.push(failure === null ? found : null);
  }
  for (const { class: name, count } of exclude) {
    const found = objects.get(name)?.length ?? 0;
    if (found >= count) reasons.push(`expected ${name}<${count}, found ${found}`);
  }
  return { correct: reasons.length === 0, reason: reasons.join("\n") };
}

function wrongColor({ class: name, count, color }: IncludeClause, found: readonly Detection[]): string | null {
  if (color === undefined) return null;
  const colors = found.map(colorOf);
  const times = (wanted: Color) => colors.filter((one) => one === wanted).length;
  if (times(color) >= count) return null;
  const counts = COLORS.filter((one) => colors.includes(one)).map((one) => `${times(one)} ${one}`);
  return `expected ${color} ${name}>=${count}, found ${times(color)} ${color}; and ${counts.join(", ")}`;
}

function colorOf({ at, color, class: name }: Detection): Color {
  if (color !== undefined) return color;
  const mend =
    "The prompt asks for a colour: GenEval's classifier is CLIP ViT-L/14 over ten colours, on the box's crop.";
  throw expectedBut("INVALID_DATA", `one of ${COLORS.join(", ")}`, `the color of a ${name} in ${at}`, "none", mend);
}

function wrongPlace(
  { class: name, position }: IncludeClause,
  found: readonly Detection[],
  matched: readonly (readonly Detection[] | null)[],
): string | null {
  if (position === undefined) return null;
  const { relation, target } = position;
  const targets = matched[target];
  if (!targets) return `no target for ${name} to be ${relation}`;
  for (const object of found) {
    for (const other of targets) {
      const relations = relativePosition(object.box, other.box);
      if (!relations.has(relation))
        return `expected ${name} ${relation} target, found ${[...relations].join(" and ")} target`;
    }
  }
  return null;
}
