import { createHash } from "node:crypto";
import type { NewFile } from "../../../sdk/kit.ts";

/** A file that is written from start to end, and hashed on the way. */
export interface HashedFile {
  append(bytes: Uint8Array): Promise<void>;
  /** What was written. */
  digest(): FileDigest;
}

export interface FileDigest {
  readonly bytes: number;
  readonly sha256: string;
}

export function hashedFile(file: NewFile): HashedFile {
  const hash = createHash("sha256");
  let bytes = 0;
  return {
    async append(piece) {
      hash.update(piece);
      await file.write(piece, bytes);
      bytes += piece.length;
    },
    digest: () => ({ bytes, sha256: hash.copy().digest("hex") }),
  };
}
