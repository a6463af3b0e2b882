import { LinkedAbortController } from "../sdk/kit.ts";

/** Goes through a generator to what it returns at its end. */
export async function returnOf<T>(generator: AsyncGenerator<unknown, T>): Promise<T> {
  for (;;) {
    const { done, value } = await generator.next();
    if (done) return value;
  }
}

/** Leaves a generator before its end, as `break` leaves a loop over it; harmless where it has ended. */
export async function leave(generator: AsyncGenerator<unknown, unknown>): Promise<void> {
  await generator.return(undefined);
}

/**
 * Yields what `produce` pushes and returns what `produce` gives. Leaving the loop aborts the signal of `produce` and
 * waits for its end, so that nothing goes on afterwards.
 */
export async function* pushed<T, R>(
  produce: (push: (item: T) => void, signal: AbortSignal) => Promise<R>,
  ...outer: readonly (AbortSignal | undefined)[]
): AsyncGenerator<T, R> {
  const controller = new LinkedAbortController(...outer);
  const items: T[] = [];
  let wake = () => {};
  let ended = false;
  const work = produce((item) => {
    items.push(item);
    wake();
  }, controller.signal).finally(() => {
    ended = true;
    wake();
  });
  work.catch(() => {}); // it is awaited below
  try {
    while (!ended || items.length > 0) {
      if (items.length > 0) yield* items.splice(0);
      else await new Promise<void>((resolve) => (wake = resolve));
    }
    return await work;
  } finally {
    controller.abort();
    await work.catch(() => {});
  }
}
