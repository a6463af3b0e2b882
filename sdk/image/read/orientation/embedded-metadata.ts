import { inflateSync } from "node:zlib";

/** What a file says about its picture besides the pixels: EXIF as bytes, XMP as text. */
export interface EmbeddedMetadata {
  readonly exif?: Uint8Array | undefined;
  readonly xmp?: string | undefined;
}

const XMP_SEGMENT = "http://ns.adobe.com/xap/1.0/\0";
const EXIF_SEGMENT = "Exif\0\0";
/** PNG text beyond this is refused by Pillow (`MAX_TEXT_CHUNK`). */
const MAX_TEXT_BYTES = 2 ** 20;

/** The APP1 segments of a JPEG before its scan, as Pillow's JpegImagePlugin reads them: EXIF parts are joined, and of several XMP packets the last counts. */
export function jpegMetadata(bytes: Uint8Array): EmbeddedMetadata {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const exif: Buffer[] = [];
  let xmp: string | undefined;
  for (let at = 2; at + 4 <= file.length; ) {
    const marker = file.readUInt8(at + 1);
    if (file.readUInt8(at) !== 0xff || marker === 0xff || marker === 0) {
      at++; // Fill bytes.
    } else if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
      at += 2; // Markers without a segment.
    } else if (marker === 0xd9 || marker === 0xda) {
      break; // The scan, or the end.
    } else {
      const end = at + 2 + file.readUInt16BE(at + 2);
      const segment = file.subarray(at + 4, end);
      if (marker === 0xe1 && startsWith(segment, EXIF_SEGMENT))
        exif.push(exif.length === 0 ? segment : segment.subarray(6));
      if (marker === 0xe1 && startsWith(segment, XMP_SEGMENT)) xmp = segment.toString("latin1", XMP_SEGMENT.length);
      at = Math.max(end, at + 4);
    }
  }
  return { exif: exif.length === 0 ? undefined : Buffer.concat(exif), xmp };
}

/**
 * The chunks of a PNG, also those behind the pixels, as Pillow's PngImagePlugin reads them: `eXIf`, the raw profile
 * "exif" that ImageMagick writes as hex text, and the XMP packet in any of the three text chunks. Later ones win.
 */
export function pngMetadata(bytes: Uint8Array): EmbeddedMetadata {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let exif: Uint8Array | undefined;
  let profile: Uint8Array | undefined;
  let xmp: string | undefined;
  for (let at = 8; at + 12 <= file.length; ) {
    const length = file.readUInt32BE(at);
    const type = file.toString("latin1", at + 4, at + 8);
    const body = file.subarray(at + 8, at + 8 + length);
    if (type === "eXIf") exif = body;
    const text = pngText(type, body);
    if (text?.keyword === "exif" && type === "tEXt") exif = text.value;
    if (text?.keyword === "Raw profile type exif") profile = rawProfile(text.value);
    if (text?.keyword === "XML:com.adobe.xmp") xmp = text.value.toString("latin1");
    at += 12 + length;
  }
  return { exif: exif ?? profile, xmp };
}

/** The keyword and the text of a `tEXt`, `zTXt` or `iTXt` chunk; undefined for other and for damaged chunks. */
function pngText(type: string, body: Buffer): { keyword: string; value: Buffer } | undefined {
  const end = body.indexOf(0);
  if (end === -1 || !["tEXt", "zTXt", "iTXt"].includes(type)) return undefined;
  const keyword = body.toString("latin1", 0, end);
  if (type === "tEXt") return { keyword, value: body.subarray(end + 1) };
  if (type === "zTXt") return inflated(keyword, body.subarray(end + 2));
  const isCompressed = body[end + 1] !== 0;
  const language = body.indexOf(0, end + 3);
  const translated = language === -1 ? -1 : body.indexOf(0, language + 1);
  if (translated === -1) return undefined;
  const value = body.subarray(translated + 1);
  return isCompressed ? inflated(keyword, value) : { keyword, value };
}

function inflated(keyword: string, data: Buffer): { keyword: string; value: Buffer } | undefined {
  try {
    return { keyword, value: inflateSync(data, { maxOutputLength: MAX_TEXT_BYTES }) };
  } catch {
    return undefined; // Text that is damaged or too long says nothing about the picture.
  }
}

/** A line feed, the name, the length, then hex digits in lines. */
function rawProfile(text: Buffer): Uint8Array | undefined {
  const hex = text.toString("latin1").split("\n").slice(3).join("").replaceAll(/\s/g, "");
  return /^(?:[0-9a-f]{2})+$/i.test(hex) ? Buffer.from(hex, "hex") : undefined;
}

const startsWith = (bytes: Buffer, start: string): boolean => bytes.toString("latin1", 0, start.length) === start;
