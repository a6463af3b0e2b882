import { expected } from "../../../sdk/kit.ts";

/** Remembers a text and where it stands. @throws INVALID_DATA that names both places, if the text came before */
export function onlyOnce(seen: Map<string, string>, key: string, what: string, at: string): void {
  const before = seen.get(key);
  if (before !== undefined) throw expected("INVALID_DATA", `each ${what} once`, at, `${key}, as in ${before}`);
  seen.set(key, at);
}
