import * as z from "zod";
import { expected, expectedBut } from "./errors.ts";

/**
 * The one way in which options are checked. A schema lists every option; each field's description is what a message says
 * was expected of it.
 *
 * ```ts
 * const schema = z.strictObject({ workers: option.integer(1, 256), signal: option.signal });
 * const { workers = 1, signal } = parseOptions(schema, options, "loadThing");
 * ```
 */
const optional = <T>(schema: z.ZodType<T>, what: string) => schema.optional().describe(what);

export const option = {
  integer: (least: number, most: number = Number.MAX_SAFE_INTEGER) =>
    optional(
      z.int().min(least).max(most),
      most === Number.MAX_SAFE_INTEGER ? `a whole number >= ${least}` : `a whole number from ${least} to ${most}`,
    ),
  /** A finite number that `accepts` holds for. */
  number: (what: string, accepts: (value: number) => boolean = () => true) =>
    optional(
      z.number().refine((value) => Number.isFinite(value) && accepts(value)),
      what,
    ),
  flag: optional(z.boolean(), "true or false"),
  /** A text that is not empty. */
  text: (what: string) => optional(z.string().min(1), what),
  texts: (what: string) => optional(z.array(z.string().min(1)), what),
  oneOf: <const T extends readonly [string, ...string[]]>(...values: T) =>
    optional(z.enum(values), `one of ${values.map((value) => JSON.stringify(value)).join(", ")}`),
  /** Duck-typed: a signal of another realm (a test runner's, a polyfill's) works as well. */
  signal: optional(
    z.custom<AbortSignal>(
      (value) => typeof value === "object" && value !== null && "aborted" in value && "addEventListener" in value,
    ),
    "an AbortSignal",
  ),
  callback: <F extends (...args: never[]) => unknown>() =>
    optional(
      z.custom<F>((value) => typeof value === "function"),
      "a function",
    ),
  /** Anything that `accepts` takes. */
  custom: <T>(what: string, accepts: (value: unknown) => boolean) => optional(z.custom<T>(accepts), what),
  object: <S extends z.core.$ZodLooseShape>(what: string, shape: S) => optional(z.strictObject(shape), what),
} as const;

/**
 * The options, checked.
 * @param method what the options are of, such as "VQRAE.load"
 * @throws INVALID_ARGUMENT that names the first option that is wrong, or that there is none of that name
 */
export function parseOptions<S extends z.ZodObject>(schema: S, options: unknown, method: string): z.infer<S> {
  const result = schema.safeParse(options ?? {});
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const names = Object.keys(schema.shape).join(", ");
  if (issue?.code === "unrecognized_keys" && issue.path.length === 0) {
    const unknown = issue.keys.map((key) => JSON.stringify(key)).join(", ");
    throw expectedBut("INVALID_ARGUMENT", `one of ${names}`, `the options of ${method}`, unknown);
  }
  const name = issue?.path[0];
  const field = typeof name === "string" ? schema.shape[name] : undefined;
  if (typeof name !== "string" || !(field instanceof z.ZodType)) {
    throw expected("INVALID_ARGUMENT", `an object with ${names}`, `the options of ${method}`, options);
  }
  const value = options !== null && typeof options === "object" ? Reflect.get(options, name) : undefined;
  throw expected("INVALID_ARGUMENT", field.description ?? "another value", `option "${name}" of ${method}`, value);
}
