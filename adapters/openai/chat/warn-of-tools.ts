import type { Call } from "../route.ts";

/** Tools that a model may call, and here does not. A request for one that it must call is refused elsewhere. */
export function warnOfTools(
  field: string,
  tools: readonly unknown[] | undefined,
  choice: unknown,
  { warn }: Pick<Call, "warn">,
): void {
  if (tools?.length && choice !== "none") warn(`${field} has no effect here: this model calls none.`);
}
