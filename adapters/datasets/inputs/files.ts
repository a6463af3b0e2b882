import { createHash } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { basename, join, relative, sep } from "node:path";
import { expectedBut, readRegularFile, regularFileChunks, systemCode, systemReason } from "../../../sdk/kit.ts";
import {
  type InputOptions,
  isImageFile,
  MAX_MEMBER_BYTES,
  type Member,
  NOTHING,
  type ShardInput,
  sha256Of,
  shortName,
} from "./member.ts";
import { parquetMembers } from "./parquet-members.ts";
import { tarMembers } from "./tar-members.ts";

/** Files of one folder that make a shard. */
const FILES_PER_SHARD = 10_000;
const TAR = /\.(tar|tar\.gz|tgz|tar\.zst)$/i;
const PARQUET = /\.parquet$/i;

/**
 * The shards of what a user names: tars and parquet files as they are, and folders in shards of `shardSize` files, sorted by
 * their paths. A shard takes its file's name; two of one name are refused.
 * @throws INVALID_ARGUMENT for a path that is none of these; IO_ERROR
 */
export async function findShards(paths: readonly string[], options: InputOptions = {}): Promise<ShardInput[]> {
  const shards: ShardInput[] = [];
  for (const path of paths) shards.push(...(await shardsOf(path, options)));
  const sources = new Map<string, string>();
  for (const { name, source } of shards) {
    const other = sources.get(name);
    sources.set(name, source);
    if (other === undefined) continue;
    throw expectedBut("INVALID_ARGUMENT", "inputs of different names", "the shards", `${other} and ${source}`, {
      mend: "Rename one: the outputs of a shard have its name.",
    });
  }
  return shards.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function shardsOf(path: string, options: InputOptions): Promise<ShardInput[]> {
  const status = await stat(path).catch((cause: unknown) => {
    throw expectedBut("INVALID_ARGUMENT", "tars, parquet files or folders", path, systemReason(cause), { path, cause });
  });
  if (status.isDirectory()) return folderShards(path, options.shardSize ?? FILES_PER_SHARD);
  if (TAR.test(path)) return [tarFile(path)];
  if (PARQUET.test(path)) return [parquetFile(path, options)];
  throw expectedBut("INVALID_ARGUMENT", "a .tar, .tar.gz or .parquet file, or a folder", "an input", path, { path });
}

/** A webdataset tar that is not a file, such as an object of S3. */
export interface TarSource extends Pick<ShardInput, "name" | "source" | "fingerprint"> {
  /** Its bytes from the start, such as a response's body. Called again for each try. */
  open(): AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>;
}

/** A shard of a webdataset tar, plain or compressed by gzip or zstd, from wherever its bytes come. */
export const tarShard = ({ name, source, fingerprint, open }: TarSource): ShardInput => ({
  name,
  source,
  fingerprint,
  async *members(survey) {
    yield* tarMembers(await open(), survey);
  },
});

/** A shard of a webdataset tar. */
export const tarFile = (path: string): ShardInput =>
  tarShard({
    name: shortName(basename(path).replace(TAR, "")),
    source: path,
    fingerprint: () => sizeOf(path),
    open: () => chunksOf(path),
  });

/** A shard of a parquet file with encoded images. */
export const parquetFile = (path: string, options: InputOptions = {}): ShardInput => ({
  name: shortName(basename(path).replace(PARQUET, "")),
  source: path,
  fingerprint: () => sizeOf(path),
  members: () => parquetMembers(path, options),
});

async function folderShards(folder: string, size: number): Promise<ShardInput[]> {
  const entries = await fromDisk(folder, () => readdir(folder, { recursive: true, withFileTypes: true }));
  const files = entries
    .filter((entry) => !entry.isDirectory() && isImageFile(entry.name))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll(sep, "/"))
    .sort();
  if (files.length === 0) throw expectedBut("INVALID_ARGUMENT", "a folder with images", folder, "a folder without any");
  return Array.from({ length: Math.ceil(files.length / size) }, (_, i) => {
    const own = files.slice(i * size, (i + 1) * size);
    return {
      name: `${shortName(basename(folder))}-${String(i).padStart(5, "0")}`,
      source: folder,
      fingerprint: async () => `files ${createHash("sha256").update(own.join("\n")).digest("hex")}`,
      members: () => fileMembers(folder, own),
    };
  });
}

/** A file's key is its path in the folder: a photo may lie beside another form of it. */
async function* fileMembers(folder: string, files: readonly string[]): AsyncGenerator<Member> {
  for (const key of files) {
    const path = join(folder, key);
    try {
      const { size } = await stat(path);
      if (size > MAX_MEMBER_BYTES) {
        yield { key, sha256: await hashFile(path), content: "FILE_TOO_LARGE" };
        continue;
      }
      const bytes = await readRegularFile(path);
      yield { key, sha256: sha256Of(bytes), content: bytes };
    } catch (cause) {
      // Another try would find the same. Other faults, such as EIO, are the machine's, and end the shard.
      if (!OWN_FAULTS.has(systemCode(cause))) throw unreadable(path, cause);
      yield { key, sha256: sha256Of(NOTHING), content: "UNREADABLE" };
    }
  }
}

/** Faults of a file itself: a link that leads nowhere or in a circle, no permission, no regular file. */
const OWN_FAULTS: ReadonlySet<string> = new Set(["ENOENT", "EACCES", "EPERM", "ELOOP", "ENOTDIR", "EISDIR", "ENOTREG"]);

/** SHA-256 of a file, in hex. @throws IO_ERROR */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of chunksOf(path)) hash.update(chunk);
  return hash.digest("hex");
}

async function* chunksOf(path: string): AsyncGenerator<Buffer> {
  try {
    yield* regularFileChunks(path);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

const sizeOf = async (path: string): Promise<string> => `${(await fromDisk(path, () => stat(path))).size} bytes`;

/** Reads of a path. @throws IO_ERROR */
export const fromDisk = <T>(path: string, work: () => Promise<T>): Promise<T> =>
  work().catch((cause: unknown) => {
    throw unreadable(path, cause);
  });

const unreadable = (path: string, cause: unknown) =>
  expectedBut("IO_ERROR", "a path that the system can read", path, systemReason(cause), { path, cause });
