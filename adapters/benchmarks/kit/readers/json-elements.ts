import { basename } from "node:path";
import { expectedBut } from "../../../../sdk/kit.ts";
import { parseJson } from "./parse-json.ts";
import { fileText } from "./reading.ts";

/** An element of a benchmark's JSON file is one question. */
const MAX_ELEMENT_CHARACTERS = 64 * 1024 * 1024;

export interface JsonElement {
  /** File and line. */
  readonly at: string;
  /** Its name in the object; null in an array. */
  readonly key: string | null;
  readonly value: unknown;
}

/**
 * The elements of a large JSON array or object, one after the other; the rest of the file is not parsed.
 * @param property of the file's object that holds them; null if the file itself is the array or object
 * @throws INVALID_DATA with file and line; IO_ERROR
 */
export async function* jsonElements(path: string, property: string | null): AsyncGenerator<JsonElement> {
  const scanner = new ElementScanner(basename(path), property);
  for await (const piece of fileText(path)) yield* scanner.push(piece);
  scanner.end();
}

/** Cuts a JSON text at the commas of one container, by counting brackets outside strings. */
class ElementScanner {
  readonly #file: string;
  readonly #property: string | null;
  /** Depth of what lies in the container. */
  readonly #wanted: number;
  #depth = 0;
  #inside = false;
  #found = false;
  #inString = false;
  #escaped = false;
  /** The last string, which may be a key. */
  #string = "";
  #key: string | null = null;
  /** The element so far. */
  #text = "";
  #line = 1;
  #elementLine = 1;

  constructor(file: string, property: string | null) {
    this.#file = file;
    this.#property = property;
    this.#wanted = property === null ? 1 : 2;
  }

  *push(chunk: string): Generator<JsonElement> {
    for (const character of chunk) {
      if (character === "\n") this.#line++;
      if (this.#inString) this.#readString(character);
      else if (character === '"') this.#beginString();
      else if (character === "{" || character === "[") this.#open(character);
      else if (character === "}" || character === "]") yield* this.#close(character);
      else if (character === "," && this.#betweenElements) yield* this.#element();
      else if (character === ":" && (this.#betweenElements || (this.#depth === 1 && !this.#inside))) this.#beginValue();
      else this.#collect(character);
    }
  }

  end(): void {
    if (this.#depth !== 0 || this.#inString) {
      throw expectedBut("INVALID_DATA", "complete JSON", `${this.#file}, line ${this.#line}`, "its end");
    }
    if (this.#found) return;
    const what = this.#property === null ? "a JSON array or object" : `a JSON object with "${this.#property}"`;
    throw expectedBut("INVALID_DATA", what, this.#file, "none");
  }

  get #betweenElements(): boolean {
    return this.#inside && this.#depth === this.#wanted;
  }

  #readString(character: string): void {
    if (character === '"' && !this.#escaped) this.#inString = false;
    else this.#string += character;
    this.#escaped = character === "\\" && !this.#escaped;
    this.#collect(character);
  }

  #beginString(): void {
    this.#inString = true;
    this.#string = "";
    this.#collect('"');
  }

  #open(character: string): void {
    this.#depth++;
    if (this.#inside) this.#collect(character);
    else if (this.#depth === this.#wanted && (this.#property === null || this.#key === this.#property)) {
      this.#inside = true;
      this.#found = true;
      this.#begin();
    }
  }

  *#close(character: string): Generator<JsonElement> {
    if (this.#betweenElements) {
      yield* this.#element();
      this.#inside = false;
    } else this.#collect(character);
    this.#depth--;
  }

  #beginValue(): void {
    this.#begin();
    this.#key = String(parseJson(`"${this.#string}"`, `${this.#file}, line ${this.#line}`));
  }

  #begin(): void {
    this.#text = "";
    this.#key = null;
    this.#elementLine = this.#line;
  }

  *#element(): Generator<JsonElement> {
    const body = this.#text.trim();
    // Empty lines before the value belong to the last element.
    const leading = this.#text.slice(0, this.#text.length - this.#text.trimStart().length).split("\n").length - 1;
    const at = `${this.#file}, line ${this.#elementLine + leading}`;
    const key = this.#key;
    this.#begin();
    if (body !== "") yield { at, key, value: parseJson(body, at) };
  }

  #collect(character: string): void {
    if (!this.#inside) return;
    this.#text += character;
    if (this.#text.length <= MAX_ELEMENT_CHARACTERS) return;
    const received = `more than ${MAX_ELEMENT_CHARACTERS}`;
    throw expectedBut("INVALID_DATA", "an element of fewer characters", `${this.#file}, line ${this.#line}`, received);
  }
}
