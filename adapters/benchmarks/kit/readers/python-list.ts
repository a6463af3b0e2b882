const TOKEN = /\s*(?:([[\](),])|(?:[rubRUB]*)('(?:[^'\\\n]|\\[\s\S])*'|"(?:[^"\\\n]|\\[\s\S])*")|([-+\w.]+))/y;
const ESCAPES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    n: "\n",
    t: "\t",
    r: "\r",
    a: "\x07",
    b: "\b",
    f: "\f",
    v: "\v",
    "\n": "",
  }),
);

/**
 * A list of texts as Python writes one, `['a', "b's"]`: MMMU's options, TextVQA's answers. Numbers are kept as they are
 * written. null if the text is anything else.
 */
export function pythonList(text: string): string[] | null {
  const items: string[] = [];
  let state: "start" | "item" | "comma" | "end" = "start";
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const match = TOKEN.exec(text);
    if (!match) return null;
    const [, mark, quoted, bare] = match;
    if (state === "start") {
      if (mark !== "[") return null;
      state = "item";
    } else if (mark === "]" && state !== "end") state = "end";
    else if (mark === "," && state === "comma") state = "item";
    else if (mark === undefined && state === "item") {
      items.push(quoted === undefined ? (bare ?? "") : unescaped(quoted.slice(1, -1)));
      state = "comma";
    } else return null;
  }
  return state === "end" ? items : null;
}

function unescaped(body: string): string {
  const sequence = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{1,3})|([\s\S]))/g;
  return body.replaceAll(sequence, (whole, x, u, long, octal, other) => {
    const hex = x ?? u ?? long;
    if (hex !== undefined) return String.fromCodePoint(Math.min(Number.parseInt(hex, 16), 0x10ffff));
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
    return ESCAPES.get(other) ?? ("'\"\\".includes(other) ? other : whole);
  });
}
