import { VqraeError } from "../../sdk/index.ts";
import { printJson, say } from "../shared/terminal.ts";
import { hasFlag } from "./has-flag.ts";

/** The user can mend it. */
const EXIT_USER_ERROR = 1;
/** EX_SOFTWARE of sysexits.h: a fault of this program. */
const EXIT_INTERNAL_ERROR = 70;

/** Says on standard error what went wrong, with `--json` on standard output too, and returns the exit code. */
export function reportError(error: unknown, rawArgs: readonly string[]): number {
  const known = VqraeError.isInstance(error);
  const message = known || error instanceof Error ? error.message : String(error);
  if (hasFlag(rawArgs, "--json")) {
    const { code, index, path } = known ? error : { code: "INTERNAL", index: undefined, path: undefined };
    printJson({ error: { code, message, index, path } });
  }
  if (known) {
    say(`vqrae: ${message.replaceAll(/\s*\n\s*/g, " ")}`);
    return EXIT_USER_ERROR;
  }
  const trace = error instanceof Error ? (error.stack ?? message) : message;
  say(
    `${trace}\n\nThis is a fault of vqrae (Node ${process.version}, ${process.platform} ${process.arch}). ` +
      "Please report it with the lines above and your command line.",
  );
  return EXIT_INTERNAL_ERROR;
}
