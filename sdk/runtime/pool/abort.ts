/**
 * Runs `work` with a signal of its own that aborts when `signal` does, and also when `work` fails, so that the parts of
 * `work` that still go on stop at their next check. Rejects with `signal.reason` as soon as `signal` aborts.
 */
export async function abortable<T>(
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const controller = new AbortController();
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => {
      controller.abort(signal?.reason);
      reject(signal?.reason);
    };
  });
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work(controller.signal), aborted]);
  } catch (error) {
    controller.abort(error);
    throw error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

/** The ends of a promise. */
export interface Ends<T> {
  resolve(value: T): void;
  reject(reason: unknown): void;
}

/** Calls `onAbort` if the signal aborts before one of the returned ends was used. */
export function endsUntilAbort<T>(
  signal: AbortSignal | undefined,
  { resolve, reject }: Ends<T>,
  onAbort: () => void,
): Ends<T> {
  const settled = () => signal?.removeEventListener("abort", onAbort);
  signal?.addEventListener("abort", onAbort, { once: true });
  return {
    resolve(value) {
      settled();
      resolve(value);
    },
    reject(reason) {
      settled();
      reject(reason);
    },
  };
}
