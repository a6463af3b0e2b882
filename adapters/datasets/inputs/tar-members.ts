import { createHash } from "node:crypto";
import { Parser, type ReadEntry } from "tar";
import { isImageFile, keyAndExtension, MAX_MEMBER_BYTES, type Member, type ShardSurvey } from "./member.ts";

/**
 * The images of a webdataset tar, in its order. It is read once from start to end: what is held is one piece of the file and the
 * image that it is in.
 *
 * The `tar` package (npm's own) takes the headers apart. It reads pax and GNU names, gzip and zstd, bounds metadata and the
 * ratio of compression, and passes over a damaged header to the next one that is whole.
 */
export async function* tarMembers(chunks: AsyncIterable<Uint8Array>, survey: ShardSurvey): AsyncGenerator<Member> {
  // A sample's image is the one with an extension alone, such as a.jpg. One as a.seg.png is passed over beside it, and is the
  // image of a sample that has no other, as photos are called 2020.05.jpg.
  let [key, plain] = ["", false];
  const held: Member[] = [];
  for await (const { member, extension } of imageFiles(chunks, survey)) {
    if (member.key !== key) {
      yield* held.splice(0);
      [key, plain] = [member.key, false];
    }
    if (!extension.includes(".")) {
      plain = true;
      survey.otherMembers += held.splice(0).length;
      yield member;
    } else if (plain) survey.otherMembers++;
    else held.push(held.length === 0 ? member : { ...member, content: "DUPLICATE_KEY" });
  }
  yield* held;
}

interface ImageFile {
  readonly member: Member;
  /** What follows the first dot of its name. */
  readonly extension: string;
}

async function* imageFiles(chunks: AsyncIterable<Uint8Array>, survey: ShardSurvey): AsyncGenerator<ImageFile> {
  const ready: ImageFile[] = [];
  const collect = (entry: ReadEntry): void => {
    const named = keyAndExtension(entry.path);
    if (!FILES.has(entry.type) || named === null || !isImageFile(entry.path)) {
      if (entry.type !== "Directory") survey.otherMembers++;
      entry.resume();
      return;
    }
    const hash = createHash("sha256");
    const pieces: Buffer[] = [];
    let length = 0;
    entry.on("data", (piece) => {
      hash.update(piece);
      length += piece.length;
      if (length <= MAX_MEMBER_BYTES) pieces.push(piece);
      else pieces.length = 0;
    });
    entry.on("end", () => {
      const content =
        length < entry.size ? "TRUNCATED" : length > MAX_MEMBER_BYTES ? "FILE_TOO_LARGE" : Buffer.concat(pieces);
      ready.push({ member: { key: named.key, sha256: hash.digest("hex"), content }, extension: named.extension });
    });
  };
  const warn = (): void => {
    survey.damaged = true;
  };
  const parser = new Parser({ onReadEntry: collect, onwarn: warn });
  // A fault of the compression ends the archive there: its members so far are whole.
  let broken = false;
  parser.on("error", () => {
    survey.damaged = true;
    broken = true;
  });
  for await (const chunk of chunks) {
    // The parser reads text off its pieces, which a plain Uint8Array, as a response has them, does not give.
    if (!broken) parser.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    yield* ready.splice(0);
  }
  if (!broken) parser.end();
  yield* ready.splice(0);
}

const FILES: ReadonlySet<string> = new Set(["File", "OldFile", "ContiguousFile"]);
