/**
 * What `JSON.parse` does not tell about a text: keys that come twice, and whether parsing it would exhaust the process.
 */

/** The strings and the punctuation of a JSON text, in order; numbers, literals and white space are skipped. */
function* tokens(json: string): Generator<string> {
  for (let i = 0; i < json.length; i++) {
    const character = json[i]!;
    if (character === '"') {
      const start = i++;
      while (i < json.length && json[i] !== '"') i += json[i] === "\\" ? 2 : 1;
      yield json.slice(start, i + 1);
    } else if ("{}[]:,".includes(character)) yield character;
  }
}

/**
 * The first key that an object in `json` holds twice, or null. `JSON.parse` keeps the last one silently, so two
 * readers of one file could see two tensors under one name. `json` must be valid JSON.
 */
export function duplicateKey(json: string): string | null {
  // One entry per open bracket: the keys seen so far, or null inside an array.
  const open: (Set<string> | null)[] = [];
  let lastString = "";
  for (const token of tokens(json)) {
    if (token === "{") open.push(new Set());
    else if (token === "[") open.push(null);
    else if (token === "}" || token === "]") open.pop();
    else if (token === ":") {
      // Decoded first: "a" and "\u0061" are the same key.
      const key = JSON.parse(lastString) as string;
      const keys = open.at(-1);
      if (keys?.has(key)) return key;
      keys?.add(key);
    } else if (token !== ",") lastString = token;
  }
  return null;
}

export interface StructureLimits {
  /** Objects and arrays. */
  readonly brackets: number;
  /** Objects and arrays inside each other. */
  readonly depth: number;
  /** Names of fields, over all objects. */
  readonly keys: number;
}

/**
 * Whether `json` (valid or not) stays within `limits`. A hundred megabytes of "[" would otherwise end the process,
 * since running out of heap cannot be caught, and as many short keys would keep it busy for minutes.
 */
export function isWithin(json: string, limits: StructureLimits): boolean {
  let brackets = 0;
  let depth = 0;
  let keys = 0;
  for (const token of tokens(json)) {
    if (token === "{" || token === "[") {
      if (++brackets > limits.brackets || ++depth > limits.depth) return false;
    } else if (token === "}" || token === "]") depth--;
    else if (token === ":" && ++keys > limits.keys) return false;
  }
  return true;
}
