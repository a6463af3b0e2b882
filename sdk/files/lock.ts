import { mkdir, open, rename, rm, stat, utimes } from "node:fs/promises";
import { dirname } from "node:path";
import { wait } from "../event-loop/wait.ts";
import { ioError, onDisk } from "./replace-file.ts";

/** A process that holds a lock says so this often. */
const BEAT_MS = 2_000;
/** A lock that nobody has touched for so long was left by a process that is gone. */
const STALE_MS = 30_000;
const POLL_MS = 200;

/**
 * Does `work` while no other process does so with the same lock: waits for its turn. The lock is a file that only its
 * maker has and touches while it works; one that a killed process has left is taken over after half a minute.
 * @throws IO_ERROR; the signal's reason; and what `work` throws
 */
export async function whileLocked<T>(
  lock: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  await onDisk(lock, () => mkdir(dirname(lock), { recursive: true }));
  while (!(await take(lock))) {
    await removeStale(lock);
    await wait(POLL_MS, signal);
  }
  const beat = setInterval(() => {
    const now = new Date();
    utimes(lock, now, now).catch(() => {});
  }, BEAT_MS);
  beat.unref();
  try {
    return await work();
  } finally {
    clearInterval(beat);
    await rm(lock, { force: true }).catch(() => {}); // what the work did counts; a lock that stays becomes stale
  }
}

async function take(lock: string): Promise<boolean> {
  const file = await open(lock, "wx").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "EEXIST") return null;
    throw ioError(lock, error);
  });
  if (file === null) return false;
  try {
    await file.writeFile(`${process.pid}\n`);
  } catch (error) {
    await rm(lock, { force: true }).catch(() => {});
    throw ioError(lock, error);
  } finally {
    await file.close();
  }
  return true;
}

/** Only one of those who wait can rename it. */
async function removeStale(lock: string): Promise<void> {
  const entry = await stat(lock).catch(() => null);
  if (entry === null || Date.now() - entry.mtimeMs < STALE_MS) return;
  const aside = `${lock}.${process.pid}.stale`;
  await rename(lock, aside).catch(() => {});
  await rm(aside, { force: true }).catch(() => {});
}
