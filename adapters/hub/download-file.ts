import { createHash, type Hash } from "node:crypto";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { HubApiError, downloadFile as openDownload } from "@huggingface/hub";
import { expectedBut, onDisk, regularFileChunks, wait, writeAll } from "../../sdk/kit.ts";
import { hubError } from "./hub-errors.ts";
import type { HubAccess } from "./hub-settings.ts";
import { type PlannedFile, type PullPlan, repoFolder } from "./plan-pull.ts";

export interface DownloadSettings {
  readonly access: HubAccess;
  readonly signal: AbortSignal | undefined;
  /** Called with the number of bytes that came, those of an earlier try among them. */
  readonly onBytes: (bytes: number) => void;
}

/** How often a connection that breaks is taken up again without a byte in between. */
const MAX_TRIES = 5;
const FIRST_WAIT_MS = 200;

/**
 * Downloads a file into the cache's blobs. What an earlier try has brought is kept and gone on with. The content must
 * have the hash that the hub's listing gives for it.
 * @throws SERVER_UNREACHABLE, SERVER_ERROR, INVALID_CHECKPOINT for other content; IO_ERROR; the signal's reason
 */
export async function downloadBlob(plan: PullPlan, file: PlannedFile, settings: DownloadSettings): Promise<void> {
  const { signal, onBytes } = settings;
  const blob = join(repoFolder(plan.repo), "blobs", file.hash);
  const incomplete = `${blob}.incomplete`;
  await onDisk(blob, () => mkdir(dirname(blob), { recursive: true }));
  const hash = hashOf(file);
  let done = await resume(incomplete, file, hash);
  onBytes(done);
  const target = await onDisk(incomplete, () => open(incomplete, done === 0 ? "w" : "r+"));
  try {
    for (let tries = 0; done < file.bytes; ) {
      const before = done;
      try {
        for await (const piece of pieces(plan, file, done, settings)) {
          signal?.throwIfAborted();
          if (done + piece.length > file.bytes) throw differs(plan, file, `more than its ${file.bytes} bytes`);
          await onDisk(incomplete, () => writeAll(target, piece, done));
          hash.update(piece);
          done += piece.length;
          onBytes(piece.length);
        }
        if (done < file.bytes) throw new Error(`the connection ended after ${done} of ${file.bytes} bytes`);
      } catch (cause) {
        signal?.throwIfAborted();
        tries = done > before ? 1 : tries + 1;
        if (!mayPass(cause) || tries >= MAX_TRIES) throw hubError(`${file.path} of ${plan.repo}`, cause);
        await wait(FIRST_WAIT_MS * 2 ** tries, signal);
      }
    }
    await onDisk(incomplete, () => target.sync());
  } finally {
    await target.close();
  }
  const found = hash.digest("hex");
  if (found !== file.hash) {
    await rm(incomplete, { force: true });
    throw differs(plan, file, `content of hash ${found}`);
  }
  await onDisk(blob, () => rename(incomplete, blob));
}

/** SHA-256 of a file in LFS; of another one what git names its blob by. */
function hashOf({ hash, bytes }: PlannedFile): Hash {
  return hash.length === 64 ? createHash("sha256") : createHash("sha1").update(`blob ${bytes}\0`);
}

/** The bytes that an earlier try has brought, which go into the hash. */
async function resume(incomplete: string, { bytes }: PlannedFile, hash: Hash): Promise<number> {
  const kept = await stat(incomplete).catch(() => null);
  if (kept === null || !kept.isFile() || kept.size > bytes) return 0;
  for await (const piece of regularFileChunks(incomplete)) hash.update(piece);
  return kept.size;
}

async function* pieces(
  { repo, commit }: PullPlan,
  { path, bytes, hash }: PlannedFile,
  start: number,
  { access }: DownloadSettings,
): AsyncGenerator<Uint8Array> {
  const { fetch = globalThis.fetch } = access;
  const blob = await openDownload({
    ...access,
    repo: { type: "model", name: repo },
    path,
    revision: commit,
    xet: false,
    fetch: (url, init) =>
      fetch(url, init).then((answer) => sameFile(inRange(answer, init), hash, `${path} of ${repo}`)),
  });
  if (blob === null) throw expectedBut("SERVER_ERROR", "the file", `${path} of ${repo}`, "none at this commit");
  if (blob.size !== bytes) {
    throw expectedBut("SERVER_ERROR", `${bytes} bytes, as its listing says,`, `${path} of ${repo}`, `${blob.size}`);
  }
  yield* blob.slice(start).stream();
}

/** A server that answers a range with the whole file would have its beginning written in the middle. */
function inRange(answer: Response, init: RequestInit | undefined): Response {
  const range = new Headers(init?.headers).get("range");
  if (answer.ok && range !== null && !range.startsWith("bytes=0-") && answer.status !== 206) {
    throw expectedBut("SERVER_ERROR", "status 206", `a request for ${range}`, `status ${answer.status}`);
  }
  return answer;
}

/**
 * What a server sends by another ETag is another file: it must not go on where the first one stopped. The hub's own servers
 * name a large file by `x-linked-etag`; the ETag of where its bytes come from is some other hash.
 */
function sameFile(answer: Response, hash: string, subject: string): Response {
  const given = answer.headers.get("x-linked-etag") ?? (hash.length === 40 ? answer.headers.get("etag") : null);
  const [, etag] = /^(?:W\/)?"?([0-9a-f]{40}|[0-9a-f]{64})"?$/.exec(given ?? "") ?? [];
  if (etag === undefined || etag === hash || etag.length !== hash.length) return answer;
  const mend = "The repository or its mirror has changed meanwhile: pull it again.";
  throw expectedBut("INVALID_CHECKPOINT", `content of hash ${hash}`, subject, `one whose ETag is ${etag}`, mend);
}

/** Whether another try may help: a broken connection, or a server that is busy. */
function mayPass(cause: unknown): boolean {
  if (cause instanceof HubApiError) return cause.statusCode >= 500 || cause.statusCode === 429;
  return !(cause instanceof Error && "code" in cause && typeof cause.code === "string" && cause.name === "VqraeError");
}

const differs = ({ repo }: PullPlan, { path, hash }: PlannedFile, received: string) =>
  expectedBut("INVALID_CHECKPOINT", `content of hash ${hash}`, `${path} of ${repo}`, received, {
    mend: "What came was deleted. Download it again; if it stays so, the mirror's copy is damaged.",
  });
