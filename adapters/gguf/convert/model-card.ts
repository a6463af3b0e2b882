import { join } from "node:path";
import { type GgufValue, ggufValue, isFile, readRegularFile } from "../../../sdk/kit.ts";
import { nameParts, titleOf } from "./model-name.ts";

const { string, strings, uint32 } = ggufValue;

/** A field of a model card's front matter: a text, or a list of texts. */
export type CardFields = ReadonlyMap<string, string | readonly string[]>;

/** What YAML reads as something else than a text where it has no quotes. */
const NO_TEXT = /^(|~|null|true|false|yes|no|on|off|[-+]?[\d.][\d._eE+-]*|[-+]?\.inf|\.nan|\d{4}-\d\d-\d\d.*)$/i;
/** What begins a value that is more than a text. */
const MORE_THAN_TEXT = /^[&*!|>{%@`]/;

/**
 * The fields at the top level of a folder's README.md that are texts or lists of texts, between its first two lines of
 * "---". Others, such as maps and texts of several lines, are left out: no key of a GGUF file is made of them.
 */
export async function readModelCard(folder: string): Promise<CardFields> {
  const file = join(folder, "README.md");
  if (!(await isFile(file))) return new Map();
  const lines = (await readRegularFile(file)).toString("utf8").split(/\r\n|\n|\r/);
  if (lines[0] !== "---") return new Map();
  const end = lines.indexOf("---", 1);
  return fieldsOf(lines.slice(1, end < 0 ? undefined : end).map((line) => line.replaceAll("\t", "  ")));
}

function fieldsOf(lines: readonly string[]): CardFields {
  const fields = new Map<string, string | readonly string[]>();
  for (let at = 0; at < lines.length; ) {
    const [, name, rest = ""] = /^([\w-]+):(?:\s+(.*))?$/.exec(lines[at++] ?? "") ?? [];
    const inner: string[] = [];
    for (; at < lines.length && !/^[^\s#-]/.test(lines[at] ?? ""); at++) inner.push(lines[at] ?? "");
    if (name === undefined) continue;
    const value = fieldValue(
      rest.trim(),
      inner.filter((line) => line.trim() !== "" && !line.trim().startsWith("#")),
    );
    if (value !== null) fields.set(name, value);
  }
  return fields;
}

function fieldValue(rest: string, inner: readonly string[]): string | readonly string[] | null {
  if (rest !== "" && !rest.startsWith("#")) {
    if (inner.length > 0) return null;
    const [, items] = /^\[(.*)\](?:\s+#.*)?$/.exec(rest) ?? [];
    return items === undefined ? textOf(rest) : allTexts(items.split(",").map((item) => item.trim()));
  }
  const items = inner.map((line) => /^\s*- +(.*)$/.exec(line)?.[1]?.trim());
  // As llama.cpp's converter reads it, Norwegian is a language and no answer.
  return inner.length === 0 ? null : allTexts(items.map((item) => (item === "no" ? '"no"' : item)));
}

function allTexts(items: readonly (string | undefined)[]): readonly string[] | null {
  const texts = items.flatMap((item) => (item === undefined ? [] : (textOf(item) ?? [])));
  return texts.length === items.length ? texts : null;
}

/** A text with or without quotes; null for another value. */
function textOf(value: string): string | null {
  const [, single] = /^'((?:[^']|'')*)'(?:\s+#.*)?$/.exec(value) ?? [];
  if (single !== undefined) return single.replaceAll("''", "'");
  const [, double] = /^("(?:[^"\\]|\\["\\/])*")(?:\s+#.*)?$/.exec(value) ?? [];
  if (double !== undefined) return String(JSON.parse(double));
  const plain = value.replace(/\s+#.*$/, "");
  if (NO_TEXT.test(plain) || MORE_THAN_TEXT.test(plain) || /^["'[]|^[-?] |: |:$/.test(plain)) return null;
  return plain;
}

/** A text of the first of these fields that has one. */
export function cardText(card: CardFields, ...names: readonly string[]): string | null {
  for (const name of names) {
    const value = card.get(name);
    if (typeof value === "string") return value;
  }
  return null;
}

/** One field's list; a text is a list of one. */
function cardList(card: CardFields, ...names: readonly string[]): readonly string[] | null {
  const name = names.find((one) => card.has(one));
  const value = name === undefined ? undefined : card.get(name);
  return value === undefined ? null : typeof value === "string" ? [value] : value;
}

/**
 * The keys of licence, sources, base models, data sets, tags and languages, in llama.cpp's order
 * (gguf-py/gguf/metadata.py, `apply_metadata_heuristic` and `set_gguf_meta_model`).
 * @param parameters how many numbers the model has
 */
export function cardKeys(card: CardFields, parameters: number): [string, GgufValue][] {
  const keys: [string, GgufValue][] = [];
  const add = (key: string, value: string | null | undefined) => {
    if (typeof value === "string") keys.push([`general.${key}`, string(value)]);
  };
  add("license", cardList(card, "license")?.join(","));
  add("license.name", cardText(card, "license_name"));
  add("license.link", cardText(card, "license_link"));
  add("source.url", cardText(card, "url", "model_url"));
  add("source.doi", cardText(card, "doi", "model_doi"));
  add("source.uuid", cardText(card, "uuid", "model_uuid"));
  add("source.repo_url", cardText(card, "repo_url", "model_repo_url"));
  const lists = [
    ["base_model", cardList(card, "base_model", "base_models", "base_model_sources")],
    ["dataset", cardList(card, "datasets", "dataset", "dataset_sources")],
  ] as const;
  for (const [kind, ids] of lists) {
    if (ids === null) continue;
    keys.push([`general.${kind}.count`, uint32(ids.length)]);
    for (const [i, id] of ids.entries()) {
      for (const [key, value] of Object.entries(originOf(id, parameters))) add(`${kind}.${i}.${key}`, value);
    }
  }
  const tags = [...(cardList(card, "tags") ?? []), ...(cardList(card, "pipeline_tag") ?? [])];
  const languages = [...(cardList(card, "languages") ?? []), ...(cardList(card, "language") ?? [])];
  if (tags.length > 0) keys.push(["general.tags", strings(tags)]);
  if (languages.length > 0) keys.push(["general.languages", strings(languages)]);
  return keys;
}

/** What a base model's or data set's name, or its address, says of it. */
function originOf(id: string, parameters: number): Record<string, string | null> {
  const isAddress = /^(https?|ssh):\/\//.test(id);
  const known = isAddress ? /^https?:\/\/huggingface.co\/([^/]+\/[^/]+)$/.exec(id)?.[1] : id;
  if (known === undefined) return { repo_url: id };
  const { name, version, organization } = nameParts(known, parameters);
  return {
    name: name === null ? null : titleOf(name),
    version,
    organization: organization === null ? null : titleOf(organization),
    repo_url: isAddress ? id : organization && name ? `https://huggingface.co/${organization}/${name}` : null,
  };
}
