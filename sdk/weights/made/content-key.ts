import { createHash, type Hash } from "node:crypto";
import { stat } from "node:fs/promises";
import { type OpenFile, openFile, readExactly } from "../../files/read-file.ts";
import type { TensorRef } from "../tensor-ref.ts";
import type { WeightsForm } from "./weights-form.ts";

const CHUNK_BYTES = 4 * 1024 * 1024;

/** A file that has changed this recently may change again without its times telling: they move in steps. */
const SETTLED_MS = 2000;

/**
 * Names the content of the file of a form of a tree of weights: a hash of every byte that it is made from. Neither paths nor
 * times are in it, so that copies of a checkpoint share a file, and two checkpoints whose files carry one date (as in npm
 * packages, where all do) never. `between` is called between tensors.
 */
export async function contentKey(form: WeightsForm, weights: object, between: () => void): Promise<string> {
  const hash = createHash("sha256").update(form.format);
  for (const { role, ref } of form.sources(weights)) {
    between();
    hash.update(JSON.stringify([role, ref.dtype, ref.shape]));
    await hashBytes(hash, ref);
  }
  return hash.digest("hex");
}

/**
 * Names the files themselves by their marks. While it stays the same, so does the content. null where a file is too young for
 * that, or gone.
 */
export async function filesKey(form: WeightsForm, weights: object): Promise<string | null> {
  const hash = createHash("sha256").update(form.format);
  const files = new Map<string, number>();
  for (const { role, ref } of form.sources(weights)) {
    const { file, dtype, shape, offset } = ref;
    if (!files.has(file)) files.set(file, files.size);
    hash.update(JSON.stringify([role, dtype, shape, files.get(file), offset]));
  }
  for (const file of files.keys()) {
    const mark = await fileMark(file);
    if (mark === null || Date.now() - mark.changed < SETTLED_MS) return null;
    hash.update(mark.text);
  }
  return hash.digest("hex");
}

/**
 * Where on the disk a file is, how long, and when it was last touched (ctime, which no program can set). null where there is
 * none.
 */
export async function fileMark(file: string): Promise<{ readonly text: string; readonly changed: number } | null> {
  const status = await stat(file, { bigint: true }).catch(() => null);
  if (status === null) return null;
  const { dev, ino, size, mtimeNs, ctimeNs, ctimeMs } = status;
  return { text: [dev, ino, size, mtimeNs, ctimeNs].join(), changed: Number(ctimeMs) };
}

/** The SHA-256 of a whole file. @throws CHECKPOINT_NOT_FOUND where it has gone */
export async function fileSum(path: string): Promise<string> {
  const hash = createHash("sha256");
  const opened = await openFile(path);
  try {
    await hashRange(hash, opened, 0, opened.size);
  } finally {
    await opened.handle.close();
  }
  return hash.digest("hex");
}

async function hashBytes(hash: Hash, { file, offset, length }: TensorRef): Promise<void> {
  const opened = await openFile(file);
  try {
    await hashRange(hash, opened, offset, length);
  } finally {
    await opened.handle.close();
  }
}

async function hashRange(hash: Hash, opened: OpenFile, offset: number, length: number): Promise<void> {
  for (let done = 0; done < length; done += CHUNK_BYTES) {
    hash.update(await readExactly(opened, offset + done, Math.min(CHUNK_BYTES, length - done)));
  }
}
