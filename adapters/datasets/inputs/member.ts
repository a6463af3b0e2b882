import { createHash } from "node:crypto";
import { extname } from "node:path";

/** One image of a shard, as it lies there: it becomes one row, whatever is in it. */
export interface Member {
  /** What names its sample: in a tar the path up to the first dot of its file name, as the webdataset library reads it. */
  readonly key: string;
  /** SHA-256 of the encoded image, in hex. */
  readonly sha256: string;
  /** The encoded image, or why there is none. */
  readonly content: Uint8Array | MemberFault;
}

/** What is wrong with a member before any decoder sees it. */
export type MemberFault = "TRUNCATED" | "DUPLICATE_KEY" | "FILE_TOO_LARGE" | "NO_BYTES" | "UNREADABLE";

/** What a reader learns of a shard besides its members. */
export interface ShardSurvey {
  /** Members that are no images by their extension, such as captions: they become no rows. */
  otherMembers: number;
  /** Whether the archive ends in the middle, or has damaged parts that were passed over. */
  damaged: boolean;
}

/** A shard that can be read: its name, and its images one after the other. */
export interface ShardInput {
  /** The shard's name, and that of its output files. */
  readonly name: string;
  /** The file or folder that it is read from. */
  readonly source: string;
  /** What tells it from another content under the same name: looked at before a shard that is done is passed over. */
  fingerprint(): Promise<string>;
  members(survey: ShardSurvey): AsyncIterable<Member>;
}

/** How folders and parquet files are read. */
export interface InputOptions {
  /** Files of a folder that make one shard (default 10,000). */
  readonly shardSize?: number;
  /** The parquet column with the image: its bytes, or `{ bytes, path }`. By default the first of the usual names. */
  readonly imageColumn?: string;
  /** The parquet column with the key. By default the first of the usual names, else the number of the row. */
  readonly keyColumn?: string;
}

/** Most bytes of one encoded image; a larger one becomes a row with an error. */
export const MAX_MEMBER_BYTES = 256 * 1024 * 1024;

const IMAGE_EXTENSIONS = new Set(["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "avif", "heic", "ppm"]);

/** Whether a file is an image by what follows the last dot of its name, as the decoders of the webdataset library see it. */
export const isImageFile = (path: string): boolean => IMAGE_EXTENSIONS.has(extname(path).slice(1).toLowerCase());

/**
 * Key and extension as `base_plus_ext` of webdataset's tariterators.py takes a path apart: at the first dot of the file name.
 * null for a name without a dot, or that begins with one.
 */
export function keyAndExtension(path: string): { readonly key: string; readonly extension: string } | null {
  const [, key, extension] = /^((?:.*\/|)[^.]+)[.]([^/]*)$/s.exec(path) ?? [];
  return key === undefined || extension === undefined ? null : { key, extension };
}

/** The bytes of a member that has none. */
export const NOTHING = new Uint8Array();

export const sha256Of = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Marks every member whose key came before: a sample has one image, and a row is found by its key. */
export async function* withUniqueKeys(members: AsyncIterable<Member>): AsyncGenerator<Member> {
  const seen = new Set<string>();
  for await (const member of members) {
    yield seen.has(member.key) ? { ...member, content: "DUPLICATE_KEY" } : member;
    seen.add(member.key);
  }
}

/** Bytes of a name that leave room, of the 255 that a file's name may have, for what is put behind it, such as the host and process that make a shard. */
const MAX_NAME_BYTES = 180;

/** A name that files can be named by: a longer one is cut, and told from others by a hash. */
export function shortName(name: string): string {
  const bytes = Buffer.from(name);
  if (bytes.length <= MAX_NAME_BYTES) return name;
  // A character that is cut in half is left out.
  const start = bytes
    .subarray(0, MAX_NAME_BYTES - 9)
    .toString("utf8")
    .replace(/\uFFFD$/, "");
  return `${start}-${sha256Of(bytes).slice(0, 8)}`;
}
