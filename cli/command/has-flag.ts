/** Whether a command line has one of these flags; what follows "--" are names of files. */
export function hasFlag(rawArgs: readonly string[], ...names: readonly string[]): boolean {
  const end = rawArgs.indexOf("--");
  return rawArgs.slice(0, end < 0 ? undefined : end).some((arg) => names.includes(arg));
}
