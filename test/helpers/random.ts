/** Seeded numbers for tests: the same on every machine. */

export { seededRandom as uniform } from "../../sdk/metrics/seeded-random.ts";

/** `count` normally distributed values of mean 0: Box-Muller. */
export function gaussian(random: () => number, count: number, deviation: number): Float32Array {
  return Float32Array.from({ length: count }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    return radius * Math.cos(2 * Math.PI * random()) * deviation;
  });
}
