import { createHash } from "node:crypto";
import { Parser, type ReadEntry } from "tar";
import { isImageExtension, keyAndExtension, MAX_MEMBER_BYTES, type Member, type ShardSurvey } from "./member.ts";

/**
 * The images of a webdataset tar, in its order. It is read once from start to end: what is held is one piece of the file and the
 * image that it is in.
 *
 * The `tar` package (npm's own) takes the headers apart. It reads pax and GNU names, gzip and zstd, bounds metadata and the
 * ratio of compression, and passes over a damaged header to the next one that is whole.
 */
export async function* tarMembers(chunks: AsyncIterable<Uint8Array>, survey: ShardSurvey): AsyncGenerator<Member> {
  const ready: Member[] = [];
  const collect = (entry: ReadEntry): void => {
    const named = keyAndExtension(entry.path);
    if (!FILES.has(entry.type) || named === null || !isImageExtension(named.extension)) {
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
      ready.push({ key: named.key, sha256: hash.digest("hex"), content });
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
    if (!broken) parser.write(chunk);
    yield* ready.splice(0);
  }
  if (!broken) parser.end();
  yield* ready.splice(0);
}

const FILES: ReadonlySet<string> = new Set(["File", "OldFile", "ContiguousFile"]);
