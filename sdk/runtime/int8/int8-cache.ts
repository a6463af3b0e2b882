import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expectedBut, VqraeError } from "../../errors.ts";
import { readRegularFile } from "../../files/regular-file.ts";
import { writeWhole } from "../../files/replace-file.ts";
import { contentKey, filesKey } from "../../weights/int8/content-key.ts";
import { openInt8File, writeInt8File } from "../../weights/int8/int8-file.ts";
import type { AnyPrecision } from "../../weights/int8/int8-tree.ts";

/** A key in hexadecimal. */
const KEY_BYTES = 64;

/**
 * A folder of weights in 8 bits: `<content key>.safetensors`, and `<files key>.key`, which remembers the content key of
 * files that have been hashed before. Any of them may be deleted while nobody loads it. Each appears whole, by a rename,
 * and two processes that make the same one make the same bytes.
 */
export class Int8Cache {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The int8 form of `weights` where it can be found without reading weights, else null. */
  async find<T extends object>(weights: T): Promise<AnyPrecision<T> | null> {
    const files = await filesKey(weights);
    const content = files && (await readRegularFile(this.#keyFile(files), KEY_BYTES).catch(() => null))?.toString();
    if (!content || !/^[0-9a-f]{64}$/.test(content)) return null;
    return openInt8File(this.#int8File(content), weights, content);
  }

  /**
   * The int8 form of `weights`, made where no checkpoint with the same weights has one. Reads every weight. `between` is
   * called between tensors; what it throws ends the work.
   *
   * @throws IO_ERROR for a folder that cannot be written, INVALID_CHECKPOINT for a weight that is not finite
   */
  async make<T extends object>(weights: T, between: (groupsDone: number) => void): Promise<AnyPrecision<T>> {
    const files = await filesKey(weights); // before the files are read: what changes meanwhile changes the key
    const content = await contentKey(weights, () => between(0));
    const path = this.#int8File(content);
    const made = (await openInt8File(path, weights, content)) ?? (await this.#write(path, weights, content, between));
    if (files !== null) await this.#remember(files, content);
    return made;
  }

  async #write<T extends object>(path: string, weights: T, content: string, between: (groupsDone: number) => void) {
    let cause: unknown;
    try {
      await mkdir(this.#folder, { recursive: true });
      await writeInt8File(path, weights, content, between);
    } catch (error) {
      const code = VqraeError.isInstance(error) ? error.code : (error as NodeJS.ErrnoException).syscall;
      if (code !== "IO_ERROR" && code !== "mkdir") throw error;
      cause = error;
    }
    // Looked for after a failure as well: on Windows a file that another process has just made and opened stays its own.
    const made = await openInt8File(path, weights, content);
    if (made !== null) return made;
    const received = `${this.#folder}: ${cause instanceof Error ? cause.message : "what is written there is lost"}`;
    throw expectedBut("IO_ERROR", "a writable folder", "the cache of int8 weights", received, {
      mend: 'Pass another folder as option "cacheDir".',
      path: this.#folder,
      cause,
    });
  }

  /** Only saves time, so that a failure is no error. */
  async #remember(files: string, content: string): Promise<void> {
    await writeWhole(this.#keyFile(files), content).catch(() => {});
  }

  #int8File(content: string): string {
    return join(this.#folder, `${content}.safetensors`);
  }

  #keyFile(files: string): string {
    return join(this.#folder, `${files}.key`);
  }
}
