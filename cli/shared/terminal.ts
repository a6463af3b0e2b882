import { printable } from "../../sdk/kit.ts";

/**
 * What the command line prints. Names of files and what models say are somebody else's: a control character in them could
 * rewrite the screen or type for its reader. It is shown as \\x1b, and in JSON as \\u001b.
 */

/** Prints a part of a text on standard output. */
export function print(text: string): void {
  process.stdout.write(printable(text));
}

/** Prints a JSON value and the end of its line on standard output. */
export function printJson(value: object): void {
  process.stdout.write(`${jsonText(value)}\n`);
}

/** Says a line on standard error. */
export function say(line: string): void {
  process.stderr.write(`${printable(line)}\n`);
}

/** A text of one line, whatever a file is called. */
export const oneLine = (text: string): string => printable(text).replaceAll("\n", "\\n");

/** JSON without control characters: `JSON.stringify` leaves some as they are. */
export const jsonText = (value: object): string =>
  JSON.stringify(value).replaceAll(/\p{Cc}/gu, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
