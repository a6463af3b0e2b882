import { expected, present } from "./errors.ts";

/**
 * The pairs of two lists of one length.
 * @throws RUNTIME for lists of different lengths: a fault of this package
 */
export function zip<A, B>(first: Iterable<A>, second: Iterable<B>): [A, B][] {
  const [left, right] = [Array.from(first), Array.from(second)];
  if (left.length !== right.length) {
    throw expected("RUNTIME", `${left.length} items`, "a list that is paired with another", right.length);
  }
  return left.map((item, i) => [item, present(right[i], "an item")]);
}
