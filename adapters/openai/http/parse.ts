import * as z from "zod";
import { toDotPath } from "zod/v4/core";
import { describe, isObject, ownTurn } from "../../../sdk/kit.ts";
import { ApiError } from "./api-error.ts";

type Issue = z.core.$ZodIssue;

/**
 * A body's fields. OpenAI's clients send null for a field that is not set, so null is nothing anywhere but inside a JSON
 * schema and a tool's arguments. What is done with the fields begins in a turn of the event loop of its own.
 * @throws ApiError 400, which names the field
 */
export async function parseBody<T>(schema: z.ZodType<T>, body: unknown): Promise<T> {
  const result = schema.safeParse(withoutNulls(body), { reportInput: true });
  await ownTurn();
  if (result.success) return result.data;
  const [first] = result.error.issues;
  if (first === undefined) throw new ApiError(400, "Expected another body.");
  const { issue, path } = deepest(first, []);
  const param = toDotPath(issue.code === "unrecognized_keys" ? [...path, ...issue.keys.slice(0, 1)] : path);
  throw new ApiError(400, messageOf(issue, param || "the body"), param === "" ? {} : { param });
}

/** Unknown fields that are named in warnings. */
const MOST_UNKNOWN = 8;

/**
 * As `parseBody`, for a protocol whose clients send fields of other servers: what is unknown has no effect and is
 * warned of. Fields that would change the answer are in the schema, which refuses them.
 */
export async function parseLooseBody<T>(
  schema: z.ZodType<T> & { readonly shape: object },
  body: unknown,
  warn: (warning: string) => void,
): Promise<T> {
  const parsed = await parseBody(schema, body);
  const sent = isObject(body) ? Object.entries(body).filter(([, value]) => value !== null) : [];
  const unknown = sent.map(([name]) => name).filter((name) => !Object.hasOwn(schema.shape, name));
  for (const name of unknown.slice(0, MOST_UNKNOWN)) warn(`${shown(name)} has no effect here.`);
  if (unknown.length > MOST_UNKNOWN) warn(`${unknown.length - MOST_UNKNOWN} more fields have no effect here.`);
  return parsed;
}

const shown = (name: string): string => (/^\w{1,60}$/.test(name) ? name : JSON.stringify(name.slice(0, 60)));

/** A JSON schema, as far as a request is checked. */
export const jsonSchema = z.record(z.string(), z.unknown());

/** Fields that hold one, or what a tool was called with: null is a value there. */
const AS_THEY_ARE = ["schema", "parameters", "input_schema", "arguments"];
const isAsItIs = (name: string, { type }: Readonly<Record<string, unknown>>): boolean =>
  AS_THEY_ARE.includes(name) || (name === "input" && type === "tool_use");

/** The same value where it holds none: most of a large body's lists and objects need no copy. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(withoutNulls);
    return items.some((item, i) => item !== value[i]) ? items : value;
  }
  if (!isObject(value)) return value;
  let changed = false;
  const fields: [string, unknown][] = [];
  for (const [name, given] of Object.entries(value)) {
    const inner = isAsItIs(name, value) ? given : withoutNulls(given);
    if (inner !== null) fields.push([name, inner]);
    changed ||= inner !== given || inner === null;
  }
  return changed ? Object.fromEntries(fields) : value;
}

/** In the form of this package's errors, as far as zod says what it wanted. */
function messageOf(issue: Issue, place: string): string {
  if (issue.code === "unrecognized_keys") return `Expected no field ${place}: this server does not know it.`;
  if (issue.code === "invalid_type" && issue.expected !== "undefined") {
    return `Expected a value of the type ${issue.expected} for ${place} but received ${describe(issue.input)}.`;
  }
  if (/^Expected /.test(issue.message)) return `${issue.message} for ${place} but received ${describe(issue.input)}.`;
  return `Expected another value for ${place}: ${issue.message}`;
}

/** Of a union, the alternative that was followed the furthest says most. */
function deepest(issue: Issue, before: readonly PropertyKey[]): { issue: Issue; path: PropertyKey[] } {
  const path = [...before, ...issue.path];
  if (issue.code !== "invalid_union" || issue.errors.length === 0) return { issue, path };
  const inner = issue.errors.flatMap(([first]) => (first ? [deepest(first, path)] : []));
  if (inner.length === 0) return { issue, path };
  // Where both end at the same place, the one that the value has the right type for, and then the right name.
  const places = { invalid_type: 0, invalid_value: 0.25 } as Readonly<Record<string, number>>;
  const depth = ({ issue, path }: (typeof inner)[number]) => path.length + (places[issue.code] ?? 0.5);
  return inner.reduce((best, one) => (depth(one) > depth(best) ? one : best));
}

/** A field that asks for nothing that the answer would show; OpenAI's clients send some. It is not kept. */
export const ignored = z
  .unknown()
  .transform((): undefined => undefined)
  .optional();

/** Refuses all values but those that change nothing. */
export const only = <T extends string | number | boolean>(values: readonly T[], why: string) =>
  z.literal(values, `it is not supported: ${why}.`).optional();

/** A list, whose length is checked before what is in it. */
export const listOf = <T extends z.ZodType>(item: T, most: number) =>
  z.array(z.unknown()).max(most, `Expected at most ${most} items`).pipe(z.array(item));
