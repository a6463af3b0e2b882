import type { Arguments, Options } from "./option.ts";

/** What a command takes, and what its help says beyond its own line in the list of commands. */
export interface CommandShape<A extends Arguments = Arguments, O extends Options = Options> {
  readonly arguments: A;
  readonly options: O;
  /** Paragraphs below the options. */
  readonly notes?: readonly string[];
  /** Command lines; a line that starts with "#" says what the next one does. */
  readonly examples: readonly string[];
}
