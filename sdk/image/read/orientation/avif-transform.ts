/** An ISO base media box: its type, and where its contents lie in the file. */
interface Box {
  readonly type: string;
  readonly typeAt: number;
  readonly from: number;
  readonly to: number;
}

/** Boxes that a file may nest in one list before the rest is passed over: far more than an image has. */
const MAX_BOXES = 4096;

/** `[angle][mirror]`: the EXIF orientation of an `irot` of angle * 90 degrees anti-clockwise and an `imir` (none, axis 0, axis 1). */
const ORIENTATIONS = [
  [1, 4, 2],
  [8, 5, 7],
  [3, 2, 4],
  [6, 7, 5],
] as const;

/**
 * An AVIF as libheif is to decode it: not turned, mirrored or cropped. libheif does so before it widens the colours,
 * which spoils an edge of images of odd size; Pillow's libavif decodes first, turns by EXIF orientation, and passes the
 * crop (`clap`) over. The first picture of a sequence (`avis`) is read through its still-image item.
 * Sources: ISO 23008-12 sections 6.5.10 and 6.5.12, ISO 14496-12 section 12.1.4; Pillow 12.3 `_avif.c`.
 * @returns the bytes, copied if something is changed, and the orientation that the file's boxes stand for (1..8).
 */
export function uprightAvif(bytes: Uint8Array): { bytes: Uint8Array; orientation: number } {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const top = boxesIn(file, 0, file.length);
  const meta = childrenOf(file, top, "meta", 4);
  const container = childrenOf(file, childrenOf(file, meta, "iprp"), "ipco");
  const own = propertiesOfPrimaryItem(file, meta).flatMap((index) => container[index - 1] ?? []);
  const rotation = own.find((box) => box.type === "irot" && box.to > box.from);
  const mirror = own.find((box) => box.type === "imir" && box.to > box.from);
  const angle = rotation === undefined ? 0 : file.readUInt8(rotation.from) & 3;
  const orientation =
    ORIENTATIONS[angle as 0 | 1 | 2 | 3][mirror === undefined ? 0 : file.readUInt8(mirror.from) & 1 ? 2 : 1];
  const changed = container.some(({ type }) => ["irot", "imir", "clap"].includes(type)) || isSequence(file, top);
  return { bytes: changed ? withoutTransforms(Buffer.from(file), top, container) : bytes, orientation };
}

function withoutTransforms(file: Buffer, top: readonly Box[], container: readonly Box[]): Uint8Array {
  if (isSequence(file, top)) file.write("avif", 8, "latin1");
  const extent = container.find((box) => box.type === "ispe" && box.to - box.from >= 12);
  for (const box of container) {
    if ((box.type === "irot" || box.type === "imir") && box.to > box.from) {
      file.write("irot", box.typeAt, "latin1"); // Turning by 0 degrees is the one step that changes nothing.
      file.writeUInt8(0, box.from);
    }
    if (box.type === "clap" && box.to - box.from >= 32 && extent !== undefined) {
      const [width, height] = [file.readUInt32BE(extent.from + 4), file.readUInt32BE(extent.from + 8)];
      for (const [i, value] of [width, 1, height, 1, 0, 1, 0, 1].entries()) file.writeUInt32BE(value, box.from + 4 * i);
    }
  }
  return file;
}

/** An image sequence that also names the brand of still images. */
function isSequence(file: Buffer, top: readonly Box[]): boolean {
  const [first] = top;
  if (first?.type !== "ftyp") return false;
  const brands = file.toString("latin1", first.from, first.to).match(/.{4}/gs) ?? [];
  return ["avis", "msf1"].includes(brands[0] ?? "") && brands.slice(2).includes("avif");
}

/** The 1-based places in `ipco` of what belongs to the primary item. */
function propertiesOfPrimaryItem(file: Buffer, meta: readonly Box[]): number[] {
  const primary = meta.find(({ type }) => type === "pitm");
  const associations = childrenOf(file, meta, "iprp").filter(({ type }) => type === "ipma");
  if (primary === undefined) return [];
  try {
    const item = idAt(file, primary.from + 4, file.readUInt8(primary.from) > 0);
    return associations.flatMap((box) => associationsOf(file, box, item));
  } catch (error) {
    if (error instanceof RangeError) return []; // It reads past the end.
    throw error;
  }
}

function associationsOf(file: Buffer, box: Box, item: number): number[] {
  const wideIds = file.readUInt8(box.from) > 0;
  const wideIndexes = (file.readUInt8(box.from + 3) & 1) === 1;
  const found: number[] = [];
  let at = box.from + 8;
  for (let left = file.readUInt32BE(box.from + 4); left > 0 && at < box.to; left--) {
    const id = idAt(file, at, wideIds);
    at += wideIds ? 4 : 2;
    for (let properties = file.readUInt8(at++); properties > 0; properties--, at += wideIndexes ? 2 : 1) {
      const index = wideIndexes ? file.readUInt16BE(at) & 0x7fff : file.readUInt8(at) & 0x7f;
      if (id === item) found.push(index);
    }
  }
  return found;
}

const idAt = (file: Buffer, at: number, wide: boolean): number =>
  wide ? file.readUInt32BE(at) : file.readUInt16BE(at);

/** The boxes inside the first box of a type; `skip` bytes of version and flags come before them. */
function childrenOf(file: Buffer, boxes: readonly Box[], type: string, skip = 0): Box[] {
  const parent = boxes.find((box) => box.type === type);
  return parent === undefined ? [] : boxesIn(file, parent.from + skip, parent.to);
}

function boxesIn(file: Buffer, from: number, to: number): Box[] {
  const boxes: Box[] = [];
  for (let at = from; at + 8 <= to && boxes.length < MAX_BOXES; ) {
    const short = file.readUInt32BE(at);
    const header = short === 1 ? 16 : 8;
    if (at + header > to) break;
    const size = short === 1 ? Number(file.readBigUInt64BE(at + 8)) : short === 0 ? to - at : short;
    if (size < header || at + size > to) break;
    boxes.push({ type: file.toString("latin1", at + 4, at + 8), typeAt: at + 4, from: at + header, to: at + size });
    at += size;
  }
  return boxes;
}
