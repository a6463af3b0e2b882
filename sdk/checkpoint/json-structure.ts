/**
 * What `JSON.parse` does not tell about a text: keys that come twice, and whether parsing it would exhaust memory.
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

/**
 * Whether `json` (valid or not) opens at most `count` objects and arrays, at most `depth` inside each other. A hundred
 * megabytes of "[" would otherwise end the process: running out of heap cannot be caught.
 */
export function bracketsWithin(json: string, { count, depth }: { count: number; depth: number }): boolean {
  let opened = 0;
  let level = 0;
  for (const token of tokens(json)) {
    if (token === "{" || token === "[") {
      if (++opened > count || ++level > depth) return false;
    } else if (token === "}" || token === "]") level--;
  }
  return true;
}
