import type { BigIntStats } from "node:fs";
import { stat } from "node:fs/promises";
import { wait } from "../../event-loop/wait.ts";
import { readRegularFile } from "../../files/regular-file.ts";
import { writeWhole } from "../../files/replace-file.ts";

/** What stands behind the name of a file whose checksums were compared: what the file was then, and when that was. */
export const CHECKED = ".checked";

/** A bit that flips on the disk changes no time of the file: it is found after so long at the latest. */
const CHECK_AGAIN_MS = 7 * 86_400_000;
/** Times of files move in steps: what changes twice within one shows it once. Those of old file systems take 2 seconds. */
const STEP_MS = 20;
const COARSE_STEP_MS = 2000;
const MAX_NOTE_BYTES = 256;

/** Whether a file's checksums were compared lately, and no program has touched it since (ctime, which none can set). */
export async function wasChecked(path: string): Promise<boolean> {
  const note = await readRegularFile(path + CHECKED, MAX_NOTE_BYTES).catch(() => null);
  const [identity, time] = note?.toString().split("\n") ?? [];
  const age = Date.now() - Number(time);
  const status = await look(path);
  return status !== null && identity === identityOf(status) && age >= 0 && age < CHECK_AGAIN_MS;
}

/** Notes of a file that `check` finds good that it was checked. That only saves time: a failure is no error. */
export async function noteChecked<T>(path: string, check: () => Promise<T | null>): Promise<T | null> {
  const before = await settled(path);
  const time = Date.now();
  const found = await check();
  if (before === null || found === null) return found;
  const after = await look(path);
  if (after === null || identityOf(after) !== identityOf(before)) return found;
  await writeWhole(path + CHECKED, `${identityOf(before)}\n${time}`).catch(() => {});
  return found;
}

/** What the system says of a file whose times tell when it changes from now on; null for one that is too young, or gone. */
async function settled(path: string): Promise<BigIntStats | null> {
  const status = await look(path);
  if (status === null) return null;
  const coarse = [status.mtimeNs, status.ctimeNs].every((ns) => ns % 1_000_000_000n === 0n);
  const rest = Number(status.ctimeMs) + (coarse ? COARSE_STEP_MS : STEP_MS) - Date.now();
  if (rest <= 0) return status;
  if (coarse) return null;
  await wait(STEP_MS, undefined);
  const later = await look(path);
  return later !== null && identityOf(later) === identityOf(status) ? later : null;
}

const look = (path: string): Promise<BigIntStats | null> => stat(path, { bigint: true }).catch(() => null);

const identityOf = ({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string =>
  [dev, ino, size, mtimeNs, ctimeNs].join(" ");
