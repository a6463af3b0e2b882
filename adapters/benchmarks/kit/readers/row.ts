import { expected, isObject } from "../../../../sdk/kit.ts";
import type { Answers } from "../../benchmark.ts";

/** A row of a table or an element of a JSON file. It checks its fields as you read them. */
export class Row {
  /** File and line, such as "MME.tsv, line 12". */
  readonly at: string;
  readonly fields: Readonly<Record<string, unknown>>;

  /** @throws INVALID_DATA if `fields` is no object */
  constructor(at: string, fields: unknown) {
    if (!isObject(fields)) throw expected("INVALID_DATA", "an object", at, fields);
    this.at = at;
    this.fields = fields;
  }

  has(name: string): boolean {
    return this.raw(name) !== undefined;
  }

  /** The field as it was read, whatever its name is: "constructor" too. */
  raw(name: string): unknown {
    return Object.hasOwn(this.fields, name) ? this.fields[name] : undefined;
  }

  /** @throws INVALID_DATA for anything but text, empty text too */
  text(name: string): string {
    const value = this.raw(name);
    if (typeof value === "string" && value !== "") return value;
    throw this.wrong(name, "text");
  }

  /** Text, or undefined if there is none. @throws INVALID_DATA for another type */
  optionalText(name: string): string | undefined {
    const value = this.raw(name);
    return value === undefined || value === null || value === "" ? undefined : this.text(name);
  }

  /** Text, or a number's digits: ids are written both ways. */
  id(name: string): string {
    const value = this.raw(name);
    return typeof value === "number" || typeof value === "bigint" ? String(value) : this.text(name);
  }

  /** A whole number, also as a text. */
  integer(name: string): number {
    const value = Number(this.id(name));
    if (Number.isSafeInteger(value)) return value;
    throw this.wrong(name, "a whole number");
  }

  oneOf<const T extends string>(name: string, values: readonly T[]): T {
    const value = this.raw(name);
    const found = values.find((one) => one === value);
    if (found !== undefined) return found;
    throw this.wrong(name, `one of ${values.join(", ")}`);
  }

  /** @throws INVALID_DATA for anything but a list of at least one text */
  texts(name: string): Answers {
    const value = this.raw(name);
    if (isTexts(value)) return value;
    throw this.wrong(name, "a list of texts");
  }

  row(name: string): Row {
    const value = this.raw(name);
    if (isObject(value)) return new Row(this.at, value);
    throw this.wrong(name, "an object");
  }

  /** The error of a field whose value is not what it should be; you throw it. */
  wrong(name: string, what: string) {
    const value = this.raw(name);
    return expected("INVALID_DATA", what, `${name} in ${this.at}`, value);
  }
}

const isTexts = (value: unknown): value is Answers =>
  Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === "string");
