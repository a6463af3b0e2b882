import type * as z from "zod";
import { isObject } from "../../files/read-file.ts";
import { looseSection } from "./config-fields.ts";

/** Names of fields, by the reason why they change no number. */
export type UnreadFields = Readonly<Record<string, readonly string[]>>;

/**
 * An object of somebody else's, of which every field is known: `fields` count, those of `unread` change nothing. Any other
 * is refused by its name, since it may change numbers, unless it asks for nothing: null, false, or something empty. Gives
 * `fields` alone.
 */
export function knownSection<T extends z.core.$ZodLooseShape>(fields: T, ...unread: readonly UnreadFields[]) {
  const harmless = new Set(unread.flatMap((reasons) => Object.values(reasons).flat()));
  return looseSection(fields)
    .superRefine((section, context) => {
      for (const [name, value] of Object.entries(section)) {
        if (Object.hasOwn(fields, name) || harmless.has(name) || asksNothing(value)) continue;
        const mend = "Nothing here reads it: update vqrae, or remove the field if you know that it changes nothing.";
        context.addIssue({ code: "custom", path: [name], message: "no such field", params: { mend } });
      }
    })
    .transform((section) => {
      const known = Object.keys(fields).flatMap((name) => (name in section ? [[name, section[name]]] : []));
      return Object.fromEntries(known) as z.infer<z.ZodObject<T>>;
    });
}

function asksNothing(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (isObject(value)) return Object.keys(value).length === 0;
  return value === null || value === false || value === "";
}
