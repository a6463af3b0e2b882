import { Gate } from "../../../sdk/kit.ts";

/**
 * Does `work` on each item, `concurrency` of them at a time, and reads an item only when there is room for it. The
 * first failure stops the reading; it is thrown once the work that has begun is done.
 */
export async function concurrently<T>(
  items: AsyncIterable<T>,
  concurrency: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const gate = new Gate(concurrency);
  const running = new Set<Promise<void>>();
  const failed = new AbortController();
  try {
    let leave = await gate.enter();
    for await (const item of items) {
      const one = work(item)
        .catch((error: unknown) => failed.abort(error))
        .finally(leave)
        .finally(() => running.delete(one));
      running.add(one);
      leave = await gate.enter(failed.signal);
    }
  } finally {
    await Promise.all(running);
  }
  failed.signal.throwIfAborted();
}
