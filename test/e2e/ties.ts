/** What the reference knows of each token: its code, the second nearest, and how much farther that one is. */
export interface ReferenceIds {
  readonly ids: ArrayLike<number>;
  readonly others: ArrayLike<number>;
  /** Difference of the two squared distances over the smaller one. */
  readonly gaps: ArrayLike<number>;
}

/**
 * The places where `actual` is wrong: where it differs from the reference and is no tie, which is the second nearest
 * code at a gap below `tie`. Missing and surplus ids are wrong too.
 */
export function wrongIds(actual: ArrayLike<number>, { ids, others, gaps }: ReferenceIds, tie: number): number[] {
  const places = Array.from({ length: Math.max(actual.length, ids.length) }, (_, i) => i);
  return places.filter((i) => actual[i] !== ids[i] && !(actual[i] === others[i] && gaps[i]! < tie));
}
