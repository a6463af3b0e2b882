import { type GgufValue, ggufValue, isObject } from "../../../sdk/kit.ts";
import type { TextConfig } from "./families/text-family.ts";

type Json = Readonly<Record<string, unknown>>;

/** What llama.cpp calls them in a file. */
const idKeys: Readonly<Record<string, string>> = {
  bos: "bos_token_id",
  eos: "eos_token_id",
  unk: "unknown_token_id",
  sep: "seperator_token_id",
  pad: "padding_token_id",
  cls: "cls_token_id",
  mask: "mask_token_id",
  eot: "eot_token_id",
  eom: "eom_token_id",
};
const ADDABLE = ["bos", "eos", "sep"];

interface Found {
  /** Kinds of tokens that are looked for, in order. */
  readonly types: string[];
  /** tokenizer_config.json, and what the templates name besides. */
  readonly named: Record<string, unknown>;
  /** Whether a prompt begins or ends with one. */
  readonly adds: Map<string, boolean>;
}

/**
 * The special tokens' keys, in llama.cpp's order. Source: gguf-py/gguf/vocab.py, `SpecialVocab`.
 * A post-processor that is a template says which tokens a prompt begins and ends with; tokenizer_config.json and
 * config.json name the others.
 * @param tokenizer tokenizer.json; null for none
 * @param settings tokenizer_config.json; null for none
 * @param size how many tokens the file has; null for any id
 */
export function specialTokens(
  tokenizer: Json | null,
  settings: Json | null,
  { raw, text }: TextConfig,
  size: number | null,
): [string, GgufValue][] {
  const found: Found = {
    types: ["bos", "eos", "unk", "sep", "pad", "cls", "mask"],
    named: { ...settings },
    adds: new Map(),
  };
  if (tokenizer !== null) readTemplates(tokenizer, found);
  const { types, named, adds } = found;
  const added =
    tokenizer !== null && Array.isArray(tokenizer.added_tokens) ? tokenizer.added_tokens.filter(isObject) : [];
  const ids = new Map<string, number>();
  const take = (type: string, id: unknown) => {
    if (ids.has(type) || typeof id !== "number" || !Number.isInteger(id) || id < 0) return;
    if (size === null || id < size) ids.set(type, id);
  };
  for (const type of settings === null ? [] : types) {
    const add = named[`add_${type}_token`];
    if (typeof add === "boolean") adds.set(type, add);
    const content = contentOf(named[`${type}_token`]);
    if (typeof content === "string") take(type, added.find((token) => token.content === content)?.id);
  }
  for (const type of types) take(type, raw[`${type}_token_id`] ?? text[`${type}_token_id`]);
  return [
    ...[...ids].map(([type, id]): [string, GgufValue] => [`tokenizer.ggml.${idKeys[type]}`, ggufValue.uint32(id)]),
    ...[...adds]
      .filter(([type]) => ADDABLE.includes(type))
      .map(([type, value]): [string, GgufValue] => [`tokenizer.ggml.add_${type}_token`, ggufValue.bool(value)]),
  ];
}

const contentOf = (token: unknown): unknown => (isObject(token) ? token.content : token);

/**
 * What the templates of a tokenizer's post-processor say. As in llama.cpp's converter, a token that tokenizer_config.json
 * gives as an object equals none of a template's.
 */
function readTemplates({ post_processor: processor }: Json, { types, named, adds }: Found): void {
  if (!named.bos_token && named.cls_token) named.bos_token = named.cls_token;
  if (!named.eos_token && named.sep_token) named.eos_token = named.sep_token;
  if (!isObject(processor)) return;
  const processors = Array.isArray(processor.processors) ? processor.processors : [processor];
  for (const { type, single, pair } of processors.filter(isObject)) {
    if (type !== "TemplateProcessing") continue;
    const ends = Array.isArray(single) && single.length > 1 ? [single[0], single.at(-1)].map(specialId) : [null, null];
    const [first = null, last = null] = ends;
    if (first !== null) {
      if (first !== named.bos_token && first !== named.cls_token) {
        named.bos_token ||= first;
        named.cls_token ||= first;
      }
      adds.set("bos", first === named.bos_token || first === named.cls_token);
    }
    if (last !== null) {
      if (last !== named.eos_token) {
        const spare = ["eot", "eom"].find((name) => !types.includes(name));
        if (spare !== undefined) {
          types.push(spare);
          named[`${spare}_token`] = named.eos_token;
        }
        named.eos_token = last;
      }
      adds.set("eos", true);
    }
    if (Array.isArray(pair)) readPair(pair, first, last, { types, named, adds });
  }
}

/** Whether a separator stands between two texts: "A [sep] B". */
function readPair(pair: readonly unknown[], first: string | null, last: string | null, { named, adds }: Found): void {
  const start = first !== null && specialId(pair[0]) === first ? 1 : 0;
  const end = last !== null && specialId(pair.at(-1)) === last ? -1 : undefined;
  const parts = pair.slice(start, end);
  const middle = parts.slice(1, -1).map(specialId);
  if (sequenceId(parts[0]) !== "A" || sequenceId(parts.at(-1)) !== "B" || middle.length === 0) return;
  const separates = (id: string | null | undefined) =>
    typeof id === "string" && (id === named.sep_token || id === named.eos_token);
  const add = (separates(middle[0]) && last === null) || (middle.length === 2 && separates(middle[1]));
  adds.set("sep", add);
  if (add) named.sep_token ||= named.eos_token;
}

function specialId(part: unknown): string | null {
  const special = isObject(part) ? part.SpecialToken : undefined;
  return isObject(special) && typeof special.id === "string" ? special.id : null;
}

function sequenceId(part: unknown): unknown {
  const sequence = isObject(part) ? part.Sequence : undefined;
  return isObject(sequence) ? sequence.id : undefined;
}
