import type { VqraeError } from "../../sdk/index.ts";
import { expectedBut } from "../../sdk/kit.ts";

/** An error of the command line itself. @param command such as "vqrae encode" */
export const usageError = (command: string, what: string, received: string, subject = command): VqraeError =>
  expectedBut("INVALID_ARGUMENT", what, subject, received, `See \`${command} --help\`.`);

/** @param given by option, whether it is there. @throws INVALID_ARGUMENT unless exactly one is */
export function requireOne(command: string, given: Readonly<Record<string, boolean>>): void {
  const found = Object.keys(given).filter((name) => given[name]);
  if (found.length === 1) return;
  const what = `one of ${Object.keys(given).join(", ")}`;
  throw usageError(command, what, found.length === 0 ? "none of them" : found.join(" and "));
}

/** @param given by option, whether it is there. @throws INVALID_ARGUMENT for some without the others */
export function requireTogether(command: string, given: Readonly<Record<string, boolean>>): void {
  const names = Object.keys(given);
  const found = names.filter((name) => given[name]);
  if (found.length === 0 || found.length === names.length) return;
  throw usageError(command, `${names.join(" and ")} together`, `${found.join(" and ")} alone`);
}
