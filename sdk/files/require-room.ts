import { statfs } from "node:fs/promises";
import { expectedBut } from "../errors.ts";
import { onDisk } from "./replace-file.ts";

const inGigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`;

/**
 * Checks that a folder's disk has room for `bytes` more, before any of them is written.
 * @param mend what helps besides freeing some space
 * @throws IO_ERROR, also for a folder that is missing
 */
export async function requireRoom(folder: string, bytes: number, mend = "write to another disk"): Promise<void> {
  const { bavail, bsize } = await onDisk(folder, () => statfs(folder));
  const free = bavail * bsize;
  if (free >= bytes) return;
  throw expectedBut("IO_ERROR", `room for ${inGigabytes(bytes)}`, folder, `${inGigabytes(free)} free`, {
    path: folder,
    mend: `Free some space, or ${mend}.`,
  });
}
