import { expectedBut } from "../../errors.ts";
import { type OpenFile, readExactly } from "../../files/read-file.ts";
import { MAX_DIRECTORY_BYTES, MAX_RECORDS } from "./limits.ts";
import { notTorch } from "./not-torch.ts";

/** A member of a zip, as its directory describes it. */
export interface ZipRecord {
  readonly name: string;
  /** Of its header in the file, which its bytes follow. */
  readonly headerOffset: number;
  readonly length: number;
  readonly encrypted: boolean;
  /** Whether its bytes lie in the file as they are. */
  readonly stored: boolean;
}

export interface ZipDirectory {
  readonly records: ReadonlyMap<string, ZipRecord>;
  /** Bytes from the start of the file: the members lie before. */
  readonly start: number;
}

const END = { signature: 0x06054b50, bytes: 22, maxComment: 0xffff };
const LOCATOR = { signature: 0x07064b50, bytes: 20 };
const END64 = { signature: 0x06064b50, bytes: 56 };
const ENTRY = { signature: 0x02014b50, bytes: 46 };
const HEADER = { signature: 0x04034b50, bytes: 30 };
/** The extra field that holds what 32 bits cannot. */
const ZIP64_FIELD = 1;
/** Stands for a number that is in the extra field. */
const ELSEWHERE = 0xffffffff;

/**
 * Reads the directory at the end of a zip (APPNOTE.TXT 6.3.10, sections 4.3 and 4.4), the 64-bit form as well. No member is read.
 * @throws INVALID_CHECKPOINT for a file that is no zip, or one whose directory lies
 */
export async function readZipDirectory(opened: OpenFile): Promise<ZipDirectory> {
  const { count, length, offset } = await findDirectory(opened);
  const { file } = opened;
  if (count > MAX_RECORDS) throw lies(file, `at most ${MAX_RECORDS} members`, `${count}`);
  if (length > MAX_DIRECTORY_BYTES) throw lies(file, `at most ${MAX_DIRECTORY_BYTES} bytes`, `${length}`);
  const bytes = await readExactly(opened, offset, length);
  const view = new DataView(bytes.buffer);
  const records = new Map<string, ZipRecord>();
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + ENTRY.bytes > length || view.getUint32(at, true) !== ENTRY.signature) {
      throw lies(file, `${count} entries`, `no entry ${i + 1} at byte ${at}`);
    }
    const [nameLength, extraLength] = [view.getUint16(at + 28, true), view.getUint16(at + 30, true)];
    const nameEnd = at + ENTRY.bytes + nameLength;
    const end = nameEnd + extraLength + view.getUint16(at + 32, true);
    if (end > length) throw lies(file, `${length} bytes`, `an entry ${i + 1} that goes on behind them`);
    const name = new TextDecoder().decode(bytes.subarray(at + ENTRY.bytes, nameEnd));
    if (records.has(name)) throw lies(file, "each member once", `${JSON.stringify(name)} twice`);
    records.set(name, entryAt(view, at, name, nameEnd, nameEnd + extraLength, { start: offset, file }));
    at = end;
  }
  return { records, start: offset };
}

/** Sizes and place of a member; those that 32 bits cannot hold stand in the 64-bit extra field, in this order. */
function entryAt(
  view: DataView,
  at: number,
  name: string,
  extraStart: number,
  extraEnd: number,
  { start, file }: { readonly start: number; readonly file: string },
): ZipRecord {
  const wide = zip64Numbers(view, extraStart, extraEnd);
  const field = (offset: number) => {
    const narrow = view.getUint32(at + offset, true);
    return narrow === ELSEWHERE ? (wide.shift() ?? Number.NaN) : narrow;
  };
  const [length, packed, headerOffset] = [field(24), field(20), field(42)];
  const fits = Number.isSafeInteger(length) && Number.isSafeInteger(packed) && headerOffset + HEADER.bytes <= start;
  if (!fits || packed > start)
    throw lies(file, "members that lie before it", `${JSON.stringify(name)}, which does not`);
  const flags = view.getUint16(at + 8, true);
  const stored = view.getUint16(at + 10, true) === 0 && packed === length;
  return { name, headerOffset, length, encrypted: (flags & 0x41) !== 0, stored };
}

function zip64Numbers(view: DataView, start: number, end: number): number[] {
  for (let at = start; at + 4 <= end; ) {
    const [id, size] = [view.getUint16(at, true), view.getUint16(at + 2, true)];
    if (id === ZIP64_FIELD && at + 4 + size <= end) {
      return Array.from({ length: Math.floor(size / 8) }, (_, i) => Number(view.getBigUint64(at + 4 + i * 8, true)));
    }
    at += 4 + size;
  }
  return [];
}

async function findDirectory(opened: OpenFile): Promise<{ count: number; length: number; offset: number }> {
  const { file, size } = opened;
  const tailLength = Math.min(size, END.bytes + END.maxComment + LOCATOR.bytes);
  const tail = await readExactly(opened, size - tailLength, tailLength);
  const view = new DataView(tail.buffer);
  for (let at = tailLength - END.bytes; at >= 0; at--) {
    if (view.getUint32(at, true) !== END.signature) continue;
    if (at + END.bytes + view.getUint16(at + 20, true) !== tailLength) continue;
    const locator = at - LOCATOR.bytes;
    const wide = locator >= 0 && view.getUint32(locator, true) === LOCATOR.signature;
    const found = wide
      ? await readEnd64(opened, Number(view.getBigUint64(locator + 8, true)))
      : {
          count: view.getUint16(at + 10, true),
          length: view.getUint32(at + 12, true),
          offset: view.getUint32(at + 16, true),
        };
    if (found.offset + found.length <= size) return found;
    throw lies(file, "a place in the file", `${found.length} bytes at ${found.offset} of a file of ${size}`);
  }
  throw await notTorch(opened);
}

async function readEnd64(opened: OpenFile, at: number): Promise<{ count: number; length: number; offset: number }> {
  const { file, size } = opened;
  if (at + END64.bytes > size) throw lies(file, "a place in the file", `byte ${at} of a file of ${size}`);
  const view = new DataView((await readExactly(opened, at, END64.bytes)).buffer);
  if (view.getUint32(0, true) !== END64.signature) throw lies(file, `its 64-bit end at byte ${at}`, "something else");
  const number = (offset: number) => Number(view.getBigUint64(offset, true));
  return { count: number(32), length: number(40), offset: number(48) };
}

/**
 * Where a member's bytes begin: behind a header of its own, whose length only the header tells.
 * @throws INVALID_CHECKPOINT where they would not lie before the directory; UNSUPPORTED for an encrypted or a packed one
 */
export async function dataOffsetOf(opened: OpenFile, record: ZipRecord, directory: ZipDirectory): Promise<number> {
  const subject = `the member ${JSON.stringify(record.name)} of ${opened.file}`;
  if (record.encrypted) throw expectedBut("UNSUPPORTED", "no encryption", subject, "an encrypted one");
  if (!record.stored) {
    const mend = "torch.save packs nothing: save it with torch again.";
    throw expectedBut("UNSUPPORTED", "bytes that are stored as they are", subject, "compressed ones", mend);
  }
  const view = new DataView((await readExactly(opened, record.headerOffset, HEADER.bytes)).buffer);
  const offset = record.headerOffset + HEADER.bytes + view.getUint16(26, true) + view.getUint16(28, true);
  if (view.getUint32(0, true) === HEADER.signature && offset + record.length <= directory.start) return offset;
  const received = `${record.length} bytes at ${offset}`;
  throw expectedBut("INVALID_CHECKPOINT", "a header, and bytes before the zip's directory,", subject, received);
}

const lies = (file: string, what: string, received: string) =>
  expectedBut("INVALID_CHECKPOINT", what, `the directory of the zip ${file}`, received, {
    mend: "The file is damaged: download it again.",
    path: file,
  });
