import { expectedBut } from "../../errors.ts";

/** The formats that are told apart by their first bytes. */
export type RasterFormat = "JPEG" | "PNG" | "WebP" | "GIF" | "TIFF" | "HEIC" | "AVIF/HEIF";

const SUPPORTED = "JPEG, PNG, WebP, GIF, TIFF and AVIF";

/** What a file of each format holds at a byte offset, as Latin-1 text. */
const SIGNATURES: readonly (readonly [RasterFormat, offset: number, ...starts: string[]])[] = [
  ["JPEG", 0, "\xff\xd8\xff"],
  ["PNG", 0, "\x89PNG\r\n\x1a\n"],
  ["WebP", 8, "WEBP"],
  ["GIF", 0, "GIF87a", "GIF89a"],
  ["TIFF", 0, "II*\0", "MM\0*", "II+\0", "MM\0+"],
  // The main brands of ISO 23008-12 and AV1 images; other `ftyp` boxes start videos.
  ["HEIC", 4, "ftypheic", "ftypheix", "ftypheim", "ftypheis", "ftyphevc", "ftyphevx"],
  ["AVIF/HEIF", 4, "ftypavif", "ftypavis", "ftypmif1", "ftypmsf1"],
];

const HEVC_BRANDS = /^(?:hei[cxms]|hev[cx])$/;
const AV1_BRANDS = /^avi[fs]$/;

/** Whether a file whose main brand is that of any codec (mif1, msf1) names HEVC among its others. */
function isHevc(head: string, bytes: Uint8Array): boolean {
  const end = Math.min(new DataView(bytes.buffer, bytes.byteOffset).getUint32(0), head.length);
  const brands = [head.slice(8, 12)];
  for (let at = 16; at + 4 <= end; at += 4) brands.push(head.slice(at, at + 4));
  return brands.some((brand) => HEVC_BRANDS.test(brand)) && !brands.some((brand) => AV1_BRANDS.test(brand));
}

/**
 * The raster format of a file by its first bytes. Native parsers are given these formats only: vector formats would
 * draw text and load files.
 * @throws INVALID_IMAGE, naming what the bytes look like.
 */
export function rasterFormat(bytes: Uint8Array, subject: string): RasterFormat {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 256)).toString("latin1");
  const found = SIGNATURES.find(([, at, ...starts]) => starts.some((start) => head.startsWith(start, at)));
  if (found?.[0] === "AVIF/HEIF" && isHevc(head, bytes)) return "HEIC";
  if (found !== undefined) return found[0];
  const mend = `${SUPPORTED} can be read.`;
  throw expectedBut("INVALID_IMAGE", "a raster image", subject, lookOf(head, bytes), mend);
}

function lookOf(head: string, bytes: Uint8Array): string {
  if (head === "") return "0 bytes";
  if (head.startsWith("%PDF")) return "a PDF document";
  if (/^(\xef\xbb\xbf)?\s*<(\?xml|!--|!doctype svg|svg)/i.test(head)) return "an SVG or XML document";
  if (/^[\t\n\r -~]+$/.test(head)) {
    return `${bytes.byteLength} bytes of text that start with ${JSON.stringify(head.slice(0, 20))}`;
  }
  const start = Buffer.from(head.slice(0, 8), "latin1").toString("hex").replace(/..\B/g, "$& ");
  return `${bytes.byteLength} bytes that start with ${start}`;
}
