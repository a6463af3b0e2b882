import { expected } from "../../../../sdk/kit.ts";

/** The value of a JSON text that stands at `at`. @throws INVALID_DATA that names `at` */
export function parseJson(text: string, at: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw expected("INVALID_DATA", "JSON", at, text, { cause });
  }
}
