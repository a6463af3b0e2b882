/** Equal values in a row as one: the order of a stream's events, however many deltas it has. */
export const withoutRepeats = <T>(values: readonly T[]): T[] => values.filter((value, i, all) => value !== all[i - 1]);
