/**
 * Item `index` of a list, for places where the index is computed.
 * @throws RangeError where there is no such item, which is a mistake in the caller's code
 */
export function at<T>(list: ArrayLike<T>, index: number): T {
  const item = list[index];
  if (item === undefined) throw new RangeError(`Expected an index from 0 to ${list.length - 1} but received ${index}`);
  return item;
}

/**
 * The pairs of two lists of one length.
 * @throws RangeError for lists of different lengths, which is a mistake in the caller's code
 */
export function zip<A, B>(first: Iterable<A>, second: Iterable<B>): [A, B][] {
  const [left, right] = [Array.from(first), Array.from(second)];
  if (left.length !== right.length) {
    throw new RangeError(`Expected two lists of one length but received ${left.length} and ${right.length} items`);
  }
  return left.map((item, i) => [item, at(right, i)]);
}
