/** Prints what a command found on standard output: `value` with --json, else `lines` for people. */
export function printResult(json: boolean, value: object, lines: () => readonly string[]): void {
  process.stdout.write(json ? `${JSON.stringify(value)}\n` : `${lines().join("\n")}\n`);
}

/** A message about a file, with the file's name at its front unless the message has it already. */
export const namingFile = (path: string, message: string): string =>
  message.includes(path) ? message : `${path}: ${message}`;
