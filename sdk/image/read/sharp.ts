import { expectedBut } from "../../errors.ts";

type Sharp = typeof import("sharp")["default"];

/**
 * Loads sharp when a file is first decoded or encoded, so that raw pixels work without it.
 * @throws MISSING_DEPENDENCY with the command that installs it; sharp's own account of what it tried is the cause.
 */
export async function loadSharp(): Promise<Sharp> {
  try {
    return (await import("sharp")).default;
  } catch (cause) {
    const received = `an import error on ${process.platform}-${process.arch} (${firstLine(cause)})`;
    const mend = "Run `npm install sharp`, or pass raw { data, width, height } pixels.";
    throw expectedBut("MISSING_DEPENDENCY", "the package sharp", "image files", received, { mend, cause });
  }
}

/** The first line of an error's message, without a colon that leads to the next, for use inside another message. */
export function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const [line = ""] = message.split("\n", 1);
  return line.trim().replace(/:$/, "");
}
