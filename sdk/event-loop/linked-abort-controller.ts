/**
 * Its signal aborts with others too, until it is unlinked. `AbortSignal.any` does so without an end: Node keeps 180 bytes of each such signal in
 * those that it comes from (22.23), and a server's own signal lives as long as the server.
 */
export class LinkedAbortController extends AbortController {
  readonly #links: readonly (readonly [signal: AbortSignal, follow: () => void])[];

  constructor(...signals: readonly (AbortSignal | undefined)[]) {
    super();
    const sources = signals.filter((signal) => signal !== undefined);
    this.#links = sources.map((signal) => [signal, () => this.abort(signal.reason)] as const);
    const aborted = sources.find((signal) => signal.aborted);
    if (aborted !== undefined) this.abort(aborted.reason);
    else for (const [signal, follow] of this.#links) signal.addEventListener("abort", follow, { once: true });
  }

  override abort(reason?: unknown): void {
    this.unlink();
    super.abort(reason);
  }

  /** To be called when nothing waits for the signal any more. */
  unlink(): void {
    for (const [signal, follow] of this.#links) signal.removeEventListener("abort", follow);
  }
}
