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
