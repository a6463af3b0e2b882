import { isMissing } from "./missing-values.ts";
import { pandasFloat } from "./pandas-float.ts";

/**
 * What pandas makes of the texts of a column, and how Python writes it again: "02" among whole numbers is 2, and 8.0 where
 * a value is missing. VLMEvalKit shows a model these texts (pandas/_libs/parsers.pyx, `_convert_tokens`).
 */
export class ColumnType {
  /** How reading every value so far as such a number ended. */
  #int64: Attempt = "fits";
  #uint64: Attempt = "fits";
  #integers = true;
  #floats = true;
  #booleans = true;
  #missing = false;
  /** A value starts with "-", or is larger than any int64: a column of both, or with a missing value, stays text. */
  #negative = false;
  #large = false;

  /** Looks at one more value of the column. */
  add(text: string): void {
    if (isMissing(text)) {
      this.#missing = true;
      return;
    }
    const integer = this.#integers || this.#uint64 === "fits" ? parseInteger(text) : null;
    this.#integers &&= integer !== null;
    if (this.#int64 === "fits") this.#int64 = attempt(integer, MAX_INT64);
    if (this.#uint64 === "fits") {
      // A sign is where reading an unsigned number ends, whatever follows it.
      if (NEGATIVE.test(text)) this.#negative = true;
      else this.#uint64 = attempt(integer, MAX_UINT64);
      this.#large ||= integer !== null && integer > MAX_INT64;
    }
    this.#floats &&= isFloat(text);
    this.#booleans &&= BOOLEANS.has(text);
  }

  /** A value of the column as Python writes it. A missing one stays as it stands in the table. */
  write(text: string): string {
    if (isMissing(text)) return text;
    if (this.#int64 === "fits" && this.#integers) {
      const integer = parseInteger(text);
      return this.#missing ? writeFloat(Number(integer)) : String(integer);
    }
    if (this.#int64 === "overflow" && this.#uint64 !== "invalid") {
      const conflicts = this.#uint64 === "fits" && this.#large && (this.#negative || this.#missing);
      return this.#integers && !conflicts ? String(parseInteger(text)) : text;
    }
    if (this.#floats) return writeFloat(parseFloatText(text));
    return this.#booleans ? (BOOLEANS.get(text) ?? text) : text;
  }
}

/** The first value that does not fit decides: too large, or no whole number. */
type Attempt = "fits" | "overflow" | "invalid";

function attempt(integer: bigint | null, most: bigint): Attempt {
  if (integer === null) return "invalid";
  return integer >= MIN_INT64 && integer <= most ? "fits" : "overflow";
}

const MAX_INT64 = 2n ** 63n - 1n;
const MIN_INT64 = -(2n ** 63n);
const MAX_UINT64 = 2n ** 64n - 1n;

const BOOLEANS: ReadonlyMap<string, string> = new Map([
  ["True", "True"],
  ["TRUE", "True"],
  ["true", "True"],
  ["False", "False"],
  ["FALSE", "False"],
  ["false", "False"],
]);

/** C's isspace. */
const SPACE = "[ \\t-\\r]*";
const NEGATIVE = new RegExp(`^${SPACE}-`);
const INTEGER = new RegExp(`^${SPACE}[+-]?\\d+${SPACE}$`);
const FLOAT = new RegExp(`^${SPACE}[+-]?(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][+-]?\\d+)?${SPACE}$`);
const INFINITE = /^([+-]?)inf(?:inity)?$/i;

/** null for a text that is no whole number. */
const parseInteger = (text: string): bigint | null =>
  INTEGER.test(text) ? BigInt(text.trim().replace(/^\+/, "")) : null;

const isFloat = (text: string): boolean => FLOAT.test(text) || INFINITE.test(text);

function parseFloatText(text: string): number {
  const infinite = INFINITE.exec(text);
  if (infinite) return infinite[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return pandasFloat(text.trim());
}

/** `repr(float)` */
function writeFloat(value: number): string {
  if (!Number.isFinite(value)) return value < 0 ? "-inf" : "inf";
  if (Object.is(value, -0)) return "-0.0";
  const size = Math.abs(value);
  if (value !== 0 && (size >= 1e16 || size < 1e-4)) {
    const [digits = "", exponent = "0"] = value.toExponential().split("e");
    const power = Number(exponent);
    return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  }
  return Number.isInteger(value) ? `${value}.0` : String(value);
}
