import { ownTurn } from "../event-loop/in-steps.ts";

/**
 * What `JSON.parse` does not tell about a text: keys that come twice, and whether parsing it would exhaust the process.
 */
export interface StructureLimits {
  /** Objects and arrays. */
  readonly brackets: number;
  /** Objects and arrays inside each other. */
  readonly depth: number;
  /** Names of fields, over all objects. */
  readonly keys: number;
  /** Bytes of the longest string. */
  readonly text: number;
}

export interface JsonStructure {
  /** False where a limit is passed; what follows is not looked at then. */
  readonly within: boolean;
  /** The first key that an object holds twice. `JSON.parse` keeps the last one silently. */
  readonly duplicate: string | null;
}

const [QUOTE, BACKSLASH, COLON, COMMA] = [0x22, 0x5c, 0x3a, 0x2c];
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d];
/** Bytes between two breaks in which other work is done. */
const PIECE_BYTES = 1024 * 1024;

/**
 * Walks over JSON in UTF-8, valid or not, without blocking the event loop. A hundred megabytes of "[" would otherwise end the
 * process, since running out of heap cannot be caught, and as many short keys would keep it busy for minutes.
 */
export async function jsonStructure(bytes: Uint8Array, limits: StructureLimits): Promise<JsonStructure> {
  const walk = new Walk(bytes, limits);
  while (walk.piece()) await ownTurn();
  const { within, duplicate } = walk;
  return { within, duplicate };
}

class Walk {
  within = true;
  duplicate: string | null = null;
  readonly #bytes: Buffer;
  readonly #limits: StructureLimits;
  /** One entry per open bracket: the keys seen so far, or null inside an array. */
  readonly #open: (Set<string> | null)[] = [];
  #at = 0;
  #brackets = 0;
  #keys = 0;
  /** Where the last string lies, without its quotes. */
  #string: readonly [start: number, end: number] = [0, 0];
  #escaped = false;
  #quote = -1;
  #backslash = -1;

  constructor(bytes: Uint8Array, limits: StructureLimits) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#limits = limits;
  }

  /** Walks on a little; whether there is more to walk. */
  piece(): boolean {
    const end = Math.min(this.#at + PIECE_BYTES, this.#bytes.length);
    while (this.#at < end && this.within) this.#token(this.#bytes[this.#at++]);
    return this.within && this.#at < this.#bytes.length;
  }

  #token(byte: number | undefined): void {
    if (byte === QUOTE) this.#skipString();
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      this.#open.push(byte === OPEN_BRACE ? new Set() : null);
      this.within = ++this.#brackets <= this.#limits.brackets && this.#open.length <= this.#limits.depth;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) this.#open.pop();
    else if (byte === COLON) this.#key();
    else if (byte === COMMA) this.#escaped = false;
  }

  #skipString(): void {
    const start = this.#at;
    this.#escaped = false;
    while (true) {
      // Each is looked for from one place alone: a text of backslashes would be walked over again and again.
      if (this.#backslash < this.#at) this.#backslash = this.#find(BACKSLASH);
      if (this.#quote < this.#at) this.#quote = this.#find(QUOTE);
      if (this.#quote <= this.#backslash) break;
      this.#escaped = true;
      this.#at = this.#backslash + 2;
    }
    this.#string = [start, this.#quote];
    this.within &&= this.#quote - start <= this.#limits.text;
    this.#at = this.#quote + 1;
  }

  /** Where the next such byte is; the end where there is none. */
  #find(byte: number): number {
    const found = this.#bytes.indexOf(byte, this.#at);
    return found < 0 ? this.#bytes.length : found;
  }

  #key(): void {
    this.within = ++this.#keys <= this.#limits.keys;
    const keys = this.#open.at(-1);
    if (this.duplicate !== null || !keys) return;
    // Bytes compare as texts do, and faster. Decoded first: "a" and "\u0061" are the same key.
    const bytes = this.#bytes.toString("latin1", ...this.#string);
    const key = this.#escaped ? Buffer.from(decoded(utf8(bytes))).toString("latin1") : bytes;
    if (keys.has(key)) this.duplicate = utf8(key);
    keys.add(key);
  }
}

const utf8 = (bytes: string): string => Buffer.from(bytes, "latin1").toString("utf8");

/** Text that is no string of JSON stays as it is: `JSON.parse` refuses it afterwards. */
function decoded(text: string): string {
  try {
    const value: unknown = JSON.parse(`"${text}"`);
    return typeof value === "string" ? value : text;
  } catch {
    return text;
  }
}
