import { type GgufValue, ggufValue, isObject } from "../../../sdk/kit.ts";
import type { TextConfig } from "./text-config.ts";

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

/**
 * The special tokens' keys, in llama.cpp's order. Source: gguf-py/gguf/vocab.py, `SpecialVocab`.
 * A post-processor that is a template says which tokens a prompt begins and ends with; tokenizer_config.json and
 * config.json name the others.
 */
export function specialTokens(
  tokenizer: Json,
  settings: Json,
  { raw, text }: TextConfig,
  added: readonly { readonly id: number; readonly content: string }[],
): [string, GgufValue][] {
  const adds = new Map<string, boolean>();
  const types = ["bos", "eos", "unk", "sep", "pad", "cls", "mask"];
  const named: Record<string, unknown> = { ...settings };
  if (!named.bos_token && named.cls_token) named.bos_token = named.cls_token;
  if (!named.eos_token && named.sep_token) named.eos_token = named.sep_token;
  for (const { first, last } of templatesOf(tokenizer)) {
    if (first !== null) {
      named.bos_token ||= first;
      if (first !== contentOf(named.bos_token)) named.cls_token ||= first;
      adds.set(
        "bos",
        [named.bos_token, named.cls_token].some((token) => contentOf(token) === first),
      );
    }
    if (last !== null) {
      if (last !== contentOf(named.eos_token)) {
        types.push("eot");
        named.eot_token = named.eos_token;
        named.eos_token = last;
      }
      adds.set("eos", true);
    }
  }
  const ids = new Map<string, number>();
  for (const type of types) {
    const add = named[`add_${type}_token`];
    if (typeof add === "boolean") adds.set(type, add);
    const content = contentOf(named[`${type}_token`]);
    const id = added.find((token) => token.content === content)?.id;
    if (id !== undefined) ids.set(type, id);
  }
  for (const type of types) {
    const id = raw[`${type}_token_id`] ?? text[`${type}_token_id`];
    if (!ids.has(type) && typeof id === "number" && Number.isInteger(id) && id >= 0) ids.set(type, id);
  }
  return [
    ...[...ids].map(([type, id]): [string, GgufValue] => [`tokenizer.ggml.${idKeys[type]}`, ggufValue.uint32(id)]),
    ...[...adds]
      .filter(([type]) => ADDABLE.includes(type))
      .map(([type, value]): [string, GgufValue] => [`tokenizer.ggml.add_${type}_token`, ggufValue.bool(value)]),
  ];
}

const contentOf = (token: unknown): unknown => (isObject(token) ? token.content : token);

/** The special tokens that a tokenizer's own templates put first and last. */
function templatesOf({ post_processor: processor }: Json): { first: string | null; last: string | null }[] {
  if (!isObject(processor)) return [];
  const processors = Array.isArray(processor.processors) ? processor.processors : [processor];
  return processors.filter(isObject).flatMap(({ type, single }) => {
    if (type !== "TemplateProcessing" || !Array.isArray(single) || single.length < 2) return [];
    return [{ first: specialId(single[0]), last: specialId(single.at(-1)) }];
  });
}

function specialId(part: unknown): string | null {
  const special = isObject(part) ? part.SpecialToken : undefined;
  return isObject(special) && typeof special.id === "string" ? special.id : null;
}
