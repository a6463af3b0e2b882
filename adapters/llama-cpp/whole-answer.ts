/** Goes through a stream of pieces to what it returns at its end. */
export async function wholeAnswer<T>(stream: AsyncGenerator<unknown, T>): Promise<T> {
  for (;;) {
    const { done, value } = await stream.next();
    if (done) return value;
  }
}
