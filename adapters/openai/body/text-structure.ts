import {
  BACKSLASH,
  CLOSE_LIST,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  OPEN_LIST,
  OPEN_OBJECT,
  QUOTE,
  type StructureLimits,
} from "./body-scanner.ts";

/** Counts the JSON that stands in the texts of one body, all of them together, as `BodyScanner` counts the body's own. */
export class TextStructure {
  readonly #limits: StructureLimits;
  #values = 0;
  #fields = 0;

  constructor(limits: StructureLimits) {
    this.#limits = limits;
  }

  /** Whether one more text, JSON or not, may be parsed. */
  take(text: string): boolean {
    const { values, fields, depth } = this.#limits;
    let open = 0;
    let inString = false;
    for (let at = 0; at < text.length; at++) {
      const character = text.charCodeAt(at);
      if (inString) {
        if (character === BACKSLASH) at += 1;
        else if (character === QUOTE) inString = false;
      } else if (character === QUOTE) inString = true;
      else if (character === COMMA) this.#values += 1;
      else if (character === COLON) this.#fields += 1;
      else if (character === OPEN_LIST || character === OPEN_OBJECT) {
        this.#values += 1;
        open += 1;
      } else if (character === CLOSE_LIST || character === CLOSE_OBJECT) open -= 1;
      if (this.#values > values || this.#fields > fields || open > depth) return false;
    }
    return true;
  }
}
