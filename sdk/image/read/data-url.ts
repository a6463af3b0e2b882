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

const PERCENT = 0x25;

/** Characters that are not escaped stand for their UTF-8 bytes. */
function percentDecode(text: string): Buffer {
  const bytes = Buffer.from(text);
  let length = bytes.indexOf(PERCENT);
  if (length === -1) return bytes;
  for (let at = length; at < bytes.length; at++) {
    const value = bytes[at] === PERCENT ? 16 * digitOf(bytes[at + 1]) + digitOf(bytes[at + 2]) : Number.NaN;
    if (Number.isNaN(value)) bytes[length++] = bytes[at] ?? 0;
    else {
      bytes[length++] = value;
      at += 2;
    }
  }
  return bytes.subarray(0, length);
}

/** NaN for what is no hexadecimal digit. */
function digitOf(byte = 0): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : Number.NaN;
}
