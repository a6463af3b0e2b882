import { expected } from "../../errors.ts";

/**
 * The body of a `data:` URL (RFC 2397 as the WHATWG Fetch standard reads it), base64 or percent-encoded. The media
 * type is ignored: the bytes say what they are.
 * @throws INVALID_ARGUMENT
 */
export function dataUrlBytes(text: string): Uint8Array {
  const comma = text.indexOf(",");
  if (comma === -1) throw expected("INVALID_ARGUMENT", "a comma before the data", "the data: URL", text);
  const fragment = text.indexOf("#", comma);
  const body = percentDecode(text.slice(comma + 1, fragment === -1 ? undefined : fragment));
  if (!/; *base64$/i.test(text.slice(0, comma))) return body;
  try {
    // Unlike Buffer.from, atob refuses characters that are not base64. It takes white space.
    return Buffer.from(atob(body.toString("latin1")), "latin1");
  } catch (cause) {
    throw expected("INVALID_ARGUMENT", "base64 data", "the data: URL", text, { cause });
  }
}

function percentDecode(text: string): Buffer {
  if (!text.includes("%")) return Buffer.from(text);
  // Characters that are not escaped stand for their UTF-8 bytes, one Latin-1 character each from here on.
  const bytes = Buffer.from(text).toString("latin1");
  const decoded = bytes.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(decoded, "latin1");
}
