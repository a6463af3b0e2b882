import { createHash, randomBytes } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { systemCode } from "./read-file.ts";

/** A name may have 255 bytes; that many characters take four times as many at most. */
const NAME_CHARACTERS = 40;
const OWN_HOST = createHash("sha256").update(hostname()).digest("hex").slice(0, 8);
const TEMPORARY = /^\..*\.vqrae-([0-9a-f]{8})-(\d+)-[0-9a-f]{12}\.tmp$/s;

/** Folders in which this process has looked for what killed ones left. */
const swept = new Set<string>();

/**
 * A path beside `target` that nothing has, for a file or folder that takes its name when it is whole. The name says which process
 * makes it: what a killed process of this machine left in the folder is removed first.
 */
export async function temporaryBeside(target: string): Promise<string> {
  const path = resolve(target);
  const folder = dirname(path);
  if (!swept.has(folder)) {
    swept.add(folder);
    await sweep(folder);
  }
  const name = [...basename(path)].slice(0, NAME_CHARACTERS).join("");
  return join(folder, `.${name}.vqrae-${OWN_HOST}-${process.pid}-${randomBytes(6).toString("hex")}.tmp`);
}

/** Only tidies up: what cannot be read or removed stays. */
async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const [, host, pid] = TEMPORARY.exec(name) ?? [];
    if (host !== OWN_HOST || isAlive(Number(pid))) continue;
    await rm(join(folder, name), { recursive: true, force: true }).catch(() => {});
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // One of another user may not be asked.
    return systemCode(error) !== "ESRCH";
  }
}
