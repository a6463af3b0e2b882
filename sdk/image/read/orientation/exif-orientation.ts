/** EXIF and TIFF tag of how an image is to be turned. */
const ORIENTATION = 0x112;
const SHORT = 3;

/** The number types of TIFF 6.0 and BigTIFF: bytes a value, and how the first one is read. */
const NUMBERS: ReadonlyMap<
  number,
  readonly [bytes: number, read: (view: DataView, at: number, little: boolean) => number]
> = new Map([
  [3, [2, (view, at, little) => view.getUint16(at, little)]],
  [4, [4, (view, at, little) => view.getUint32(at, little)]],
  [5, [8, (view, at, little) => view.getUint32(at, little) / view.getUint32(at + 4, little)]],
  [6, [1, (view, at) => view.getInt8(at)]],
  [8, [2, (view, at, little) => view.getInt16(at, little)]],
  [9, [4, (view, at, little) => view.getInt32(at, little)]],
  [10, [8, (view, at, little) => view.getInt32(at, little) / view.getInt32(at + 4, little)]],
  [11, [4, (view, at, little) => view.getFloat32(at, little)]],
  [12, [8, (view, at, little) => view.getFloat64(at, little)]],
  [13, [4, (view, at, little) => view.getUint32(at, little)]],
  [16, [8, (view, at, little) => Number(view.getBigUint64(at, little))]],
]);

/** Types whose values Pillow keeps as bytes or text. They turn nothing, but the tag is there. */
const BYTES = new Set([1, 2, 7]);

const HEADERS: ReadonlyMap<string, { little: boolean; big: boolean }> = new Map([
  ["II*\0", { little: true, big: false }],
  ["II\0*", { little: true, big: false }],
  ["MM\0*", { little: false, big: false }],
  ["MM*\0", { little: false, big: false }],
  ["II+\0", { little: true, big: true }],
  ["MM\0+", { little: false, big: true }],
]);

/**
 * The orientation tag in the first directory of EXIF data or of a TIFF file, as Pillow 12's `Image.Exif` reads it:
 * every number type counts, a BYTE does not, and of several values the first. Damaged data has no tag.
 * @returns undefined where there is no tag; 1 where its value turns nothing.
 */
export const exifOrientation = (data: Uint8Array): number | undefined => orientationTag(withoutPrefix(data))?.value;

/**
 * A TIFF as libtiff is to read it: an orientation that is none of 1 to 8, as some scanners write, is an error to it, and nothing to
 * Pillow. @returns the bytes, copied if something is changed
 */
export function readableTiff(bytes: Uint8Array): Uint8Array {
  const tag = orientationTag(bytes);
  if (tag === undefined || !tag.isShort || [1, 2, 3, 4, 5, 6, 7, 8].includes(tag.value)) return bytes;
  const copy = Uint8Array.from(bytes);
  const isLittle = latin1(bytes, 0, 2) === "II";
  new DataView(copy.buffer).setUint16(tag.at, 1, isLittle);
  return copy;
}

interface OrientationTag {
  readonly value: number;
  /** Where it lies, and whether it is of the type that TIFF says. */
  readonly at: number;
  readonly isShort: boolean;
}

function orientationTag(bytes: Uint8Array): OrientationTag | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = HEADERS.get(latin1(bytes, 0, 4));
  try {
    return header === undefined ? undefined : firstDirectory(view, header.little, header.big);
  } catch (error) {
    if (error instanceof RangeError) return undefined; // It reads past the end.
    throw error;
  }
}

function firstDirectory(view: DataView, little: boolean, big: boolean): OrientationTag | undefined {
  const long = (at: number) => (big ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little));
  const start = long(big ? 8 : 4);
  const count = big ? long(start) : view.getUint16(start, little);
  const [entry, room] = big ? [20, 8] : [12, 4];
  let found: OrientationTag | undefined;
  for (let at = start + (big ? 8 : 2), left = count; left > 0 && at + entry <= view.byteLength; at += entry, left--) {
    const type = view.getUint16(at + 2, little);
    const number = NUMBERS.get(type);
    const size = long(at + 4) * (number?.[0] ?? 1);
    if (size === 0 || (number === undefined && !BYTES.has(type))) continue;
    const from = size > room ? long(at + entry - room) : at + entry - room;
    if (from + size > view.byteLength) return found; // Pillow stops at any tag whose value is not there.
    if (view.getUint16(at, little) !== ORIENTATION) continue;
    found = { value: number === undefined ? 1 : number[1](view, from, little), at: from, isShort: type === SHORT };
  }
  return found;
}

/** JPEG segments and some writers put this before the TIFF header, even twice. */
function withoutPrefix(data: Uint8Array): Uint8Array {
  let at = 0;
  while (latin1(data, at, 6) === "Exif\0\0") at += 6;
  return data.subarray(at);
}

const latin1 = (bytes: Uint8Array, at: number, length: number): string =>
  String.fromCharCode(...bytes.subarray(at, at + length));
