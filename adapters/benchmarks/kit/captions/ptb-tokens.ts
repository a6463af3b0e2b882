import { americanSpelling } from "./american-spelling.ts";

/** What coco-caption removes. Round brackets are not among it: they come as "-lrb-", and the list has "-LRB-". */
const REMOVED = new Set(["''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";"]);

/** A rule of the lexer. The longest match wins, and of two as long the first. */
interface Rule {
  /** Sticky. Group 1 is the token, if more than the token must match. */
  readonly pattern: RegExp;
  /** What the token is written as; several parts if it is split. */
  readonly write?: (token: string) => readonly string[];
}

const APOS = "['’´]";
const SPACE = String.raw`[ \t\u00a0\u2000-\u200a\u3000]`;
const LETTER = String.raw`[\p{L}\p{M}\u00ad]`;
const WORD = `${LETTER}(?:${LETTER}|\\p{Nd})*`;
const NUM = String.raw`(?:\d*(?:[.,]\d+)+|\d+(?:[.:,]\d+)*)`;
const ALNUM = "[a-z0-9]";
const ACRO = String.raw`[a-z](?:\.[a-z])*`;
const TITLE =
  "mr|mrs|ms|drs?|profs?|sens?|reps?|attys?|lt|col|gen|messrs|govs?|adm|rev|maj|sgt|cpl|pvt|capt|ste?|ave|pres|" +
  "lieut|hon|brig|co?mdr|pfc|spc|supts?|det|mt|ft|vs|alex|wm|jos|cie|cf|ph|invt|elec|natl|m[ft]g|dept|blvd|rd";
/** Before a full stop. Those in a list of their own are words as well, so their case tells. */
const ABBREVIATED =
  "jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|mon|tues?|wed|thu|thurs|fri|ala|ariz|calif|colo|conn|ct|dak|fla|ga|" +
  "ind|kans?|ky|md|mich|minn|mo|mont|neb|nev|okla|penn|tenn|va|vt|wisc?|wyo|inc|cos?|corp|pp?t[ye]s?|ltd|plc|rt|" +
  String.raw`bancorp|bhd|assn|univ|intl|sys|tel|est|ext|sq|jr|sr|bros|(?:ed|ph)\.d|esq|etc|al|seq|bldg|prop`;
const BEFORE_NUMBERS = "ca|figs?|nos?|sect?s?|arts?|bldg|pp|op";

const rule = (pattern: string, write?: Rule["write"]): Rule => ({
  pattern: new RegExp(pattern, "iuy"),
  ...(write && { write }),
});
/** With letter case as written. */
const cased = (pattern: string, write?: Rule["write"]): Rule => ({
  pattern: new RegExp(pattern, "uy"),
  ...(write && { write }),
});
const ampersand = (token: string) => [token.replaceAll(/&amp;/gi, "&")];
const respelt = (token: string) => [americanSpelling(token.replaceAll("\u00ad", ""))];
const escaped = (token: string) => [token.replaceAll(/[/*]/g, "\\$&")];
const splitAt = (fromEnd: number) => (token: string) => [token.slice(0, -fromEnd), token.slice(-fromEnd)];

const RULES: readonly Rule[] = [
  rule(`cannot|${APOS}twas|dunno`, splitAt(3)),
  rule(`${APOS}?tis|gonna|gotta|lemme|gimme|wanna`, splitAt(2)),
  rule(`(${WORD})${APOS}(?:[msd]|re|ve|ll)`, respelt),
  rule(`([a-z\u00ad]*[a-mo-z])n${APOS}t`, respelt),
  rule(WORD, respelt),
  rule(
    `${APOS}n${APOS}|[ldj]${APOS}|dunkin${APOS}|somethin${APOS}|ol${APOS}|${APOS}em|c${APOS}mon|` +
      `${APOS}[2-9]0s|${APOS}till?|${APOS}cause|cont'd\\.?|nor'easter|e'er|s'mores|ev'ry|li'l|o${APOS}o`,
  ),
  cased(`[A-HJ-XZn]${APOS}\\p{L}{2,}|\\p{L}+[aeiouyAEIOUY]${APOS}[aeiouA-Z]\\p{L}*`),
  rule(`(y${APOS})\\p{L}`),
  rule(String.raw`(?:ftp|https?):\/\/[^ \t\n"<>|(){}[\]]+[^ \t\n"'<>|.!?(){},;:&[\]-]`, escaped),
  rule(
    String.raw`(?:www\.(?:[^ \t\n"<>|.!?(){},]+\.)+[a-z]{2,4}|(?:[^ \t\n"'<>|.!?(){},$_-]+\.)+(?:com|net|org|edu))`,
    escaped,
  ),
  rule(String.raw`[a-z0-9][^ \t\n"<>|(){}]*@(?:[^ \t\n"<>|(){}.]+\.)*[^ \t\n"<>|(){}[\].,;:]+`),
  rule("@[a-z_][a-z_0-9]*"),
  rule(`#${LETTER}(?:${LETTER}|\\p{Nd}|_)+`),
  rule(`(${APOS}(?:[msd]|re|ve|ll))[^a-z]`),
  rule(`(n${APOS}t)[^a-z]`),
  rule(String.raw`\d{1,2}[-/]\d{1,2}[-/]\d{2,4}`, escaped),
  rule(`[-+]?${NUM}`),
  rule(String.raw`(?:\d{1,4}[- ])?\d{1,4}\/\d{1,4}`, (token) => escaped(token.replaceAll(" ", "\u00a0"))),
  rule(`${ALNUM}+(?:-[a-z]+){0,2}(?:\\/${ALNUM}+(?:-[a-z]+){0,2}){1,2}`, escaped),
  rule(String.raw`[a-z]*\$|#`),
  rule(`((?:${BEFORE_NUMBERS})\\.)${SPACE}?\\d`),
  rule(`((?:${ABBREVIATED})\\.)[^\\n][^\\n]`),
  rule(`(?:${ABBREVIATED}|${TITLE}|${ACRO})\\.`),
  rule(`(${TITLE}|${ACRO})${SPACE}`),
  rule(`(${APOS}\\d\\d)[\\s]`),
  rule(`(${WORD}\\.)[,;:]`),
  rule(`["]|[\`'’‘]'|&quot;`, () => ["''"]),
  rule("``|[‘-‟‹›«»]", () => ["''"]),
  rule("[`'’´]", () => ["'"]),
  rule("-"),
  rule("--+|[–—―]", () => ["--"]),
  rule(String.raw`\.\.+|…|\.(?: \.)+ \.`, () => ["..."]),
  rule("[?!]+"),
  rule("-[lr][rcs]b-"),
  rule("[£¤¥€]", (token) => [token === "£" ? "#" : "$"]),
  rule("&amp;", ampersand),
  rule("[.,;:=@_&+%~^|\\\\<>]"),
  rule("[(]", () => ["-LRB-"]),
  rule("[)]", () => ["-RRB-"]),
  rule("[[]", () => ["-LSB-"]),
  rule("[\\]]", () => ["-RSB-"]),
  rule("[{]", () => ["-LCB-"]),
  rule("[}]", () => ["-RCB-"]),
  rule(String.raw`\/|\*+`, escaped),
  rule(String.raw`([<>]?[:;=][-o*']?[()dp{@|[\]])[^a-z]`, (token) => [
    token.replace("(", "-LRB-").replace(")", "-RRB-"),
  ]),
  rule(`(?:[dol]${APOS}${ALNUM})?(?:${ALNUM}+|[-+]?${NUM})(?:-(?:[dol]${APOS}${ALNUM})?(?:${ALNUM}+|${NUM}))*`),
  cased("[A-Z]+(?:(?:&amp;|&)[A-Z]+)+", ampersand),
  rule(`${ALNUM}[a-z0-9.,\u00ad]*(?:-(?:[a-z0-9\u00ad]+|[a-z](?:\\.[a-z])+\\.))+`),
];

/**
 * The words of a caption as coco-caption counts them: Penn Treebank tokens in lower case and American spelling, without
 * punctuation. "The girl's grey coat." is `the girl 's gray coat`.
 * Source: pycocoevalcap ad63453, tokenizer/ptbtokenizer.py; Stanford CoreNLP, PTBLexer.flex.
 */
export function ptbTokens(caption: string): string[] {
  const text = `${caption.replaceAll(/[\r\n]+/g, " ")}\n`;
  const tokens: string[] = [];
  let at = 0;
  while (at < text.length) {
    const found = longest(text, at);
    if (found) tokens.push(...found.written.map((token) => token.toLowerCase()));
    // White space and what no rule knows is passed over.
    at += found?.length ?? 1;
  }
  return tokens.filter((token) => !REMOVED.has(token));
}

function longest(text: string, at: number): { length: number; written: readonly string[] } | undefined {
  let best: { whole: number; token: string; write: Rule["write"] } | undefined;
  for (const { pattern, write } of RULES) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match && match[0].length > (best?.whole ?? 0))
      best = { whole: match[0].length, token: match[1] ?? match[0], write };
  }
  return best && { length: best.token.length, written: best.write?.(best.token) ?? [best.token] };
}
