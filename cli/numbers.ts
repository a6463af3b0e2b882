import { expected } from "../sdk/kit.ts";

/** Numbers that options hold, by the names that the SDK has for them; those that were not given are left out. */
export function numbersOf<K extends string>(
  args: Readonly<Record<string, unknown>>,
  names: Readonly<Record<string, K>>,
): Partial<Record<K, number>> {
  const found: Partial<Record<K, number>> = {};
  for (const [option, name] of Object.entries(names)) {
    const text = args[option];
    if (typeof text !== "string") continue;
    found[name] = Number(text);
    if (!Number.isFinite(found[name])) throw expected("INVALID_ARGUMENT", "a number", `--${option}`, text);
  }
  return found;
}
