import { expected } from "../../../sdk/kit.ts";

/** @throws INVALID_DATA for a text that came before, naming both places */
export function onlyOnce(seen: Map<string, string>, key: string, what: string, at: string): void {
  const before = seen.get(key);
  if (before !== undefined) throw expected("INVALID_DATA", `each ${what} once`, at, `${key}, as in ${before}`);
  seen.set(key, at);
}
