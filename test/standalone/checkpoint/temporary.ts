import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { VqraeError } from "../../../sdk/errors.ts";

/** A new folder that goes when the test ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "vqrae-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export const writeJson = (folder: string, name: string, value: unknown): Promise<void> =>
  writeFile(join(folder, name), JSON.stringify(value));

/** The `VqraeError` that `promise` must be rejected with. */
export async function failure(promise: Promise<unknown>): Promise<{ code: string; message: string }> {
  const error = await promise.then(
    () => new Error("it succeeded"),
    (error: unknown) => error,
  );
  if (!VqraeError.isInstance(error)) throw error;
  return { code: error.code, message: error.message };
}
