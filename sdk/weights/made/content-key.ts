import { createHash, type Hash } from "node:crypto";
import { stat } from "node:fs/promises";
import { openFile, readExactly } from "../../files/read-file.ts";
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
    hash.update(JSON.stringify([role, ref.dtype, ref.shape, ...stridesOf(ref)]));
    await hashBytes(hash, ref);
  }
  return hash.digest("hex");
}

/**
 * Names the files themselves: where on the disk they are, how long, and when they were last touched (ctime, which no
 * program can set). While it stays the same, so does the content. null where a file is too young for that, or gone.
 */
export async function filesKey(form: WeightsForm, weights: object): Promise<string | null> {
  const hash = createHash("sha256").update(form.format);
  const files = new Map<string, number>();
  for (const { role, ref } of form.sources(weights)) {
    const { file, dtype, shape, offset } = ref;
    const place = [role, dtype, shape, files.get(file) ?? files.size, offset, ...stridesOf(ref)];
    if (!files.has(file)) files.set(file, files.size);
    hash.update(JSON.stringify(place));
  }
  for (const file of files.keys()) {
    const status = await stat(file, { bigint: true }).catch(() => null);
    if (status === null || Date.now() - Number(status.ctimeMs) < SETTLED_MS) return null;
    const { dev, ino, size, mtimeNs, ctimeNs } = status;
    hash.update([dev, ino, size, mtimeNs, ctimeNs].join());
  }
  return hash.digest("hex");
}

const stridesOf = ({ strides }: TensorRef): readonly (readonly number[])[] => (strides ? [strides] : []);

async function hashBytes(hash: Hash, { file, offset, length, identity }: TensorRef): Promise<void> {
  const opened = await openFile(file, identity);
  try {
    for (let done = 0; done < length; done += CHUNK_BYTES) {
      hash.update(await readExactly(opened, offset + done, Math.min(CHUNK_BYTES, length - done)));
    }
  } finally {
    await opened.handle.close();
  }
}
