/** Tells on standard error what goes on: one line that is rewritten on a terminal, plain lines with --verbose, else nothing. */
export class Progress {
  readonly #mode: "terminal" | "lines" | "silent";
  #last = "";

  constructor({ verbose }: { verbose: boolean | undefined }) {
    const terminal = process.stderr.isTTY && process.env.TERM !== "dumb";
    this.#mode = verbose ? "lines" : terminal ? "terminal" : "silent";
  }

  say(text: string): void {
    if (text === this.#last) return;
    this.#last = text;
    if (this.#mode === "lines") process.stderr.write(`${text}\n`);
    if (this.#mode === "terminal") process.stderr.write(`\r\u001b[K${text}`);
  }

  /** Clears the line. */
  end(): void {
    if (this.#mode === "terminal") process.stderr.write("\r\u001b[K");
  }
}
