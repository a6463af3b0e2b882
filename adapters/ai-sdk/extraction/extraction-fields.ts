import type { Experimental_ExtractionModelV4Field as Field } from "@ai-sdk/provider";
import * as z from "zod";
import { isObject } from "../../../sdk/kit.ts";

/** A value of any type of field; null where there is none. */
export type FieldValue = string | number | readonly string[] | readonly number[] | null;

export const FIELD_TYPES: readonly Field["type"][] = ["text", "number", "date", "time", "datetime", "duration", "list"];

const MOST_DECIMALS = 6;

/** The JSON schema of an object with each field's value, or null. */
export function schemaOf(fields: Readonly<Record<string, Field>>): object {
  const properties = Object.entries(fields).map(([id, field]) => [
    id,
    { anyOf: [valueSchema(field), { type: "null" }] },
  ]);
  return {
    type: "object",
    properties: Object.fromEntries(properties),
    required: Object.keys(fields),
    additionalProperties: false,
  };
}

function valueSchema(field: Field): object {
  switch (field.type) {
    case "text":
      return { type: "string" };
    case "number":
    case "duration":
      return { type: field.integer ? "integer" : "number" };
    case "date":
    case "time":
      return { type: "string", format: field.type };
    case "datetime":
      return { type: "string", format: "date-time" };
    case "list":
      return { type: "array", items: valueSchema(itemOf(field)) };
  }
}

type ListField = Extract<Field, { readonly type: "list" }>;

function itemOf({ items, integer, decimals }: ListField): Field {
  if (items !== "number") return { type: items };
  return { type: "number", ...(integer !== undefined && { integer }), ...(decimals !== undefined && { decimals }) };
}

/** What a field asks for, in words. */
export function describeField(id: string, field: Field): string {
  const unit = "unit" in field && field.unit !== undefined ? ` in ${field.unit}` : "";
  const inUnit = field.type === "duration" && unit === "" ? " in seconds" : unit;
  const type = field.type === "list" ? `list of ${field.items}` : field.type;
  const { instructions } = field;
  if (instructions === undefined || instructions === null) return `- ${id} (${type}${inUnit})`;
  const said = typeof instructions === "string" ? instructions : JSON.stringify(instructions);
  return `- ${id} (${type}${inUnit}): ${said}`;
}

/** The values of an answer by their fields. A value that is none of its field's type, such as February 30, is null. */
export function valuesOf(answer: string, fields: Readonly<Record<string, Field>>): Map<string, FieldValue> | null {
  const json = parsed(answer);
  if (json === null) return null;
  return new Map(
    Object.entries(fields).map(([id, field]) => [id, fieldValue(field, Object.hasOwn(json, id) ? json[id] : null)]),
  );
}

function parsed(answer: string): Record<string, unknown> | null {
  try {
    const json: unknown = JSON.parse(answer);
    return isObject(json) ? json : null;
  } catch {
    return null; // an answer that was cut off
  }
}

function fieldValue(field: Field, value: unknown): FieldValue {
  if (field.type === "list") {
    if (!Array.isArray(value)) return null;
    const items = value.map((item) => fieldValue(itemOf(field), item));
    return items.some((item) => item === null) ? null : (items as string[] | number[]);
  }
  if (field.type === "number" || field.type === "duration") {
    if (typeof value !== "number" || !Number.isFinite(value)) return null;
    if (field.type === "duration" && value < 0) return null;
    return field.decimals === undefined ? value : Number(value.toFixed(Math.min(field.decimals, MOST_DECIMALS)));
  }
  // A grammar's time has a zone, which a time of day has not.
  const text = field.type === "time" ? String(value).replace(/(?<=:\d\d)(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/, "") : value;
  return TEXTS[field.type].safeParse(text).success ? String(text) : null;
}

const TEXTS = {
  text: z.string(),
  date: z.iso.date(),
  time: z.string().regex(/^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$/),
  datetime: z.iso.datetime({ offset: true, local: true }),
} as const;
