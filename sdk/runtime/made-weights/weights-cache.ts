import { mkdir, utimes } from "node:fs/promises";
import { join } from "node:path";
import { expectedBut, VqraeError } from "../../errors.ts";
import { readRegularFile } from "../../files/regular-file.ts";
import { onDisk, writeWhole } from "../../files/replace-file.ts";
import { requireRoom } from "../../files/require-room.ts";
import { contentKey, filesKey } from "../../weights/made/content-key.ts";
import type { WeightsForm } from "../../weights/made/weights-form.ts";
import { makePlace } from "./made-files.ts";

/** A key in hexadecimal. */
const KEY_BYTES = 64;

/**
 * A folder of weights in a form that was made of others: `<content key>.safetensors`, and `<files key>.key`, which remembers the
 * content key of files that have been hashed before. Any of them may be deleted while nobody loads it. Each appears whole, by a
 * rename, and two processes that make the same one make the same bytes. What was unused the longest makes place for a new one.
 */
export class WeightsCache {
  readonly #folder: string;
  readonly #form: WeightsForm;

  constructor(folder: string, form: WeightsForm) {
    this.#folder = folder;
    this.#form = form;
  }

  /** The form of `weights` where it can be found without reading weights, else null. */
  async find(weights: object): Promise<object | null> {
    const files = await filesKey(this.#form, weights);
    if (files === null) return null;
    const key = this.#keyFile(files);
    const content = (await readRegularFile(key, KEY_BYTES).catch(() => null))?.toString();
    if (!content || !/^[0-9a-f]{64}$/.test(content)) return null;
    const now = new Date();
    await utimes(key, now, now).catch(() => {}); // says when it was used, which a file system may not
    return this.#form.open(this.#weightsFile(content), weights, content);
  }

  /**
   * The form of `weights`, made where no checkpoint with the same weights has one. Reads every weight that it is made of.
   * `between` is called between tensors; what it throws ends the work.
   *
   * @throws IO_ERROR for a folder that cannot be written; as the form's `write`
   */
  async make(weights: object, between: (done: number) => void): Promise<object> {
    const files = await filesKey(this.#form, weights); // before the files are read: what changes meanwhile changes the key
    const content = await contentKey(this.#form, weights, () => between(0));
    const path = this.#weightsFile(content);
    const made =
      (await this.#form.open(path, weights, content)) ?? (await this.#write(path, weights, content, between));
    if (files !== null) await this.#remember(this.#keyFile(files), content);
    return made;
  }

  async #write(path: string, weights: object, content: string, between: (done: number) => void): Promise<object> {
    let cause: unknown;
    try {
      const bytes = this.#form.bytes(weights);
      await mkdir(this.#folder, { recursive: true });
      await onDisk(this.#folder, () => makePlace(this.#folder, bytes));
      await requireRoom(this.#folder, bytes);
      await this.#form.write(path, weights, content, between);
    } catch (error) {
      const code = VqraeError.isInstance(error) ? error.code : (error as NodeJS.ErrnoException).syscall;
      if (code !== "IO_ERROR" && code !== "mkdir") throw error;
      cause = error;
    }
    // Looked for after a failure as well: on Windows a file that another process has just made and opened stays its own.
    const made = await this.#form.open(path, weights, content);
    if (made !== null) return made;
    const received = `${this.#folder}: ${cause instanceof Error ? cause.message : "what is written there is lost"}`;
    throw expectedBut("IO_ERROR", "a writable folder", `the cache of ${this.#form.name}`, received, {
      mend: 'Pass another folder as option "cacheDir".',
      path: this.#folder,
      cause,
    });
  }

  /** Only saves time, so that a failure is no error. */
  async #remember(file: string, content: string): Promise<void> {
    await writeWhole(file, content).catch(() => {});
  }

  #weightsFile(content: string): string {
    return join(this.#folder, `${content}.safetensors`);
  }

  #keyFile(files: string): string {
    return join(this.#folder, `${files}.key`);
  }
}
