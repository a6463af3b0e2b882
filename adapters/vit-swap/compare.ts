import { expectedBut } from "../../sdk/kit.ts";
import { type FactValue, factNames, type TowerFact, type TowerFacts, towerFacts } from "./tower-facts.ts";

/** One difference between the tower that a model has and the encoder that takes its place. */
export interface Mismatch {
  readonly fact: TowerFact;
  /** The fact in words. */
  readonly name: string;
  /** What the model has. */
  readonly wanted: FactValue;
  /** What the encoder has. */
  readonly given: FactValue;
  /** Whether `allow` can let the swap go on in spite of it. */
  readonly allowable: boolean;
}

/** Bits of a weight type's fraction and exponent. A type keeps another's values if it has as many of both. */
const precision: ReadonlyMap<FactValue, readonly [fraction: number, exponent: number]> = new Map([
  ["F32", [23, 8]],
  ["BF16", [7, 8]],
  ["F16", [10, 5]],
]);

/** Whether weights of one type can be written as another without rounding. */
function holds(type: FactValue, values: FactValue): boolean {
  const [to, from] = [precision.get(type), precision.get(values)];
  return to !== undefined && from !== undefined && to[0] >= from[0] && to[1] >= from[1];
}

/** Numbers are stored as float32 in some files and as decimals in others. */
const CLOSE = 1e-6;

function agree(fact: TowerFact, wanted: FactValue, given: FactValue): boolean {
  if (wanted === null || given === null) return true;
  if (fact === "dtype") return holds(wanted, given);
  if (typeof wanted === "number" && typeof given === "number") {
    return Math.abs(wanted - given) <= CLOSE * Math.max(Math.abs(wanted), Math.abs(given));
  }
  if (Array.isArray(wanted) && Array.isArray(given)) {
    return wanted.length === given.length && wanted.every((value, i) => Math.abs(value - given[i]) <= CLOSE);
  }
  return wanted === given;
}

/**
 * Every difference, in a fixed order.
 * @param allowable the facts that the target's format leaves to the writer
 */
export function mismatches(wanted: TowerFacts, given: TowerFacts, allowable: ReadonlySet<TowerFact>): Mismatch[] {
  return towerFacts
    .filter((fact) => !agree(fact, wanted[fact], given[fact]))
    .map((fact) => ({
      fact,
      name: factNames[fact],
      wanted: wanted[fact],
      given: given[fact],
      allowable: allowable.has(fact),
    }));
}

/** The differences for which a swap is refused. */
export const refusedOf = (found: readonly Mismatch[], allow: ReadonlySet<TowerFact>): Mismatch[] =>
  found.filter(({ fact, allowable }) => !allowable || !allow.has(fact));

/**
 * Refuses a swap with differences that are not allowed.
 * @throws INCOMPATIBLE naming all of them
 */
export function requireFit(
  found: readonly Mismatch[],
  allow: ReadonlySet<TowerFact>,
  target: string,
  encoder: string,
): void {
  const refused = refusedOf(found, allow);
  if (refused.length === 0) return;
  const listed = refused
    .map(({ name, wanted, given }) => `${name}: ${showFact(wanted)} wanted, ${showFact(given)} given`)
    .join("; ");
  const mendable = refused.filter(({ allowable }) => allowable).map(({ fact }) => fact);
  const mend =
    mendable.length === refused.length
      ? `To write the file all the same, allow ${mendable.join(", ")}.`
      : "Take an encoder that was trained from the same tower.";
  throw expectedBut("INCOMPATIBLE", `an encoder like the vision tower of ${target}`, encoder, listed, mend);
}

/** A fact's value in words. */
export function showFact(value: FactValue): string {
  if (Array.isArray(value)) return value.map((one) => Number(one.toPrecision(6))).join(", ");
  if (typeof value === "boolean") return value ? "yes" : "no";
  return String(value);
}
