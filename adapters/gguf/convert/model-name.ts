import { roundHalfEven } from "../../../sdk/kit.ts";

/** What llama.cpp's converter reads in a model's name. Source: gguf-py/gguf/metadata.py, `get_model_id_components`. */
export interface NameParts {
  readonly name: string | null;
  readonly organization: string | null;
  readonly basename: string | null;
  readonly finetune: string | null;
  readonly version: string | null;
  readonly sizeLabel: string | null;
}

type PartType = "basename" | "size_label" | "finetune" | "version" | "type";
interface Part {
  text: string;
  readonly types: Set<PartType>;
}

const VERSION = /^(v|iter)?\d+([.]\d+)*$/i;
const TYPE = /^(i?q\d(_\w)*|b?fp?(16|32))$/i;
const SIZE = /^((([A]|\d+[x])?\d+([._]\d+)?[KMBT][\d]?)|small|mini|medium|large|x?xl)$/i;
const FINETUNE = /^(chat|instruct|vision|lora)$/i;

/**
 * @param id a folder's name, or "owner/name"
 * @param parameters how many numbers the model has: a size in the name that is far from it is a context length
 */
export function nameParts(id: string, parameters: number): NameParts {
  const nothing = { organization: null, basename: null, finetune: null, version: null, sizeLabel: null };
  if (id.includes(" ")) return { ...nothing, name: id };
  const slash = id.indexOf("/");
  const owner = slash < 0 ? null : id.slice(0, slash);
  const name = id.slice(slash + 1);
  const parts = name
    .split("-")
    .filter((text) => text !== "")
    .map((text, i) => annotate(text, i, parameters));
  dropSizesInWords(parts);
  markBasename(parts);
  const joined = (type: PartType) =>
    parts
      .filter(({ types }) => types.has(type))
      .map(({ text }) => text)
      .join("-") || null;
  const sizes = parts.filter(({ types }) => types.has("size_label")).map(({ text }) => text);
  const sizeLabel = [...new Set(sizes)].join("-") || null;
  const finetune = joined("finetune");
  const versions = parts.filter(({ types }) => types.has("version") && !types.has("basename"));
  const version = versions.map(({ text }) => text).join("-") || null;
  const ambiguous = sizeLabel === null && finetune === null && version === null;
  return {
    name,
    organization: owner?.startsWith(".") ? null : owner,
    basename: ambiguous ? null : joined("basename"),
    finetune,
    version,
    sizeLabel,
  };
}

function annotate(text: string, position: number, parameters: number): Part {
  if (VERSION.test(text)) return { text, types: new Set(["version"]) };
  if (TYPE.test(text)) return { text: text.toUpperCase(), types: new Set(["type"]) };
  if (position > 0 && SIZE.test(text)) return annotateSize(text, parameters);
  return { text, types: new Set(position > 0 && FINETUNE.test(text) ? ["finetune"] : []) };
}

function annotateSize(given: string, parameters: number): Part {
  let text = given.replaceAll("_", ".");
  // bloom-7b1
  if (/\d$/.test(text)) text = `${text.slice(0, -2)}.${text.slice(-1)}${text.slice(-2, -1)}`;
  if (/\d[kmbt]$/.test(text)) text = text.slice(0, -1) + text.slice(-1).toUpperCase();
  const number = Number(text.slice(0, -1));
  if (parameters > 0 && text.length > 1 && Number.isFinite(number)) {
    const size = number * 1000 ** " KMBT".indexOf(text.slice(-1));
    if (Math.abs(size - parameters) > Math.floor((7 * parameters) / 8)) {
      return { text: text.slice(0, -1) + text.slice(-1).toLowerCase(), types: new Set(["finetune"]) };
    }
  }
  return { text, types: new Set(["size_label"]) };
}

/** "small" is no size where the name has a number too. */
function dropSizesInWords(parts: readonly Part[]): void {
  const sizes = parts.filter(({ types }) => types.has("size_label"));
  if (!sizes.some(({ text }) => /\d/.test(text))) return;
  for (const { text, types } of sizes) if (/^\p{L}+$/u.test(text)) types.delete("size_label");
}

function markBasename(parts: readonly Part[]): void {
  let atStart = true;
  for (const { text, types } of parts) {
    if (atStart && ((types.size === 0 && /^\p{L}/u.test(text)) || types.has("version"))) types.add("basename");
    else {
      atStart = false;
      if (types.size === 0) types.add("finetune");
    }
  }
  for (const { types } of parts.toReversed()) {
    if (!types.has("basename") || types.size === 1) break;
    types.delete("basename");
  }
}

/** "llama-3-tiny" is "Llama 3 Tiny" (`id_to_title`). */
export const titleOf = (name: string): string =>
  name
    .trim()
    .replaceAll("-", " ")
    .split(/\s+/)
    .filter((word) => word !== "")
    .map((word) => (isLower(word) && !/^(v\d+(?:\.\d+)*|\d.*)$/.test(word) ? title(word) : word))
    .join(" ");

const isLower = (word: string) => /\p{Ll}/u.test(word) && word === word.toLowerCase();
const title = (word: string) =>
  word.replace(/\p{L}+/gu, (letters) => letters.slice(0, 1).toUpperCase() + letters.slice(1));

/** How many numbers a model's tensors hold. */
export interface ModelSizes {
  readonly parameters: number;
  /** Those of one expert in each block that has some; 0 for none. */
  readonly expertParameters: number;
  readonly experts: number;
}

/** 107,000 is "107K", eight experts of it "8x107K" (gguf-py/gguf/utility.py, `size_label`). */
export function sizeLabelOf({ parameters, expertParameters, experts }: ModelSizes): string {
  if (experts === 0) return rounded(parameters);
  return `${experts}x${rounded(parameters - (experts - 1) * expertParameters)}`;
}

function rounded(parameters: number): string {
  const [scale, suffix] =
    parameters > 1e12 ? [1e-12, "T"] : parameters > 1e9 ? [1e-9, "B"] : parameters > 1e6 ? [1e-6, "M"] : [1e-3, "K"];
  const scaled = parameters * scale;
  const digits = roundHalfEven(scaled).toString().replace(/^0+/, "").length;
  const places = Math.max(2 - digits, 0);
  return `${places === 0 ? roundHalfEven(scaled) : scaled.toFixed(places)}${suffix}`;
}
