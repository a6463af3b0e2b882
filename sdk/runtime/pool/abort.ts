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
