import { oneLine, say } from "./terminal.ts";

/**
 * Says on standard error what is being done: one line that is rewritten on a terminal, a line each with --verbose, else
 * nothing.
 */
export class Progress {
  readonly #mode: "terminal" | "lines" | "silent";
  #last = "";

  constructor(verbose: boolean) {
    const terminal = process.stderr.isTTY && process.env.TERM !== "dumb";
    this.#mode = verbose ? "lines" : terminal ? "terminal" : "silent";
  }

  say(text: string): void {
    if (text === this.#last) return;
    this.#last = text;
    if (this.#mode === "lines") say(text);
    if (this.#mode === "terminal") process.stderr.write(`\r\u001b[K${oneLine(text)}`);
  }

  /** Clears the line. */
  end(): void {
    if (this.#mode === "terminal") process.stderr.write("\r\u001b[K");
  }
}

/** Hands `use` a line of progress and clears it when `use` ends or fails. */
export async function withProgress<T>(
  { verbose }: { readonly verbose: boolean },
  use: (progress: Progress) => Promise<T>,
): Promise<T> {
  const progress = new Progress(verbose);
  try {
    return await use(progress);
  } finally {
    progress.end();
  }
}
