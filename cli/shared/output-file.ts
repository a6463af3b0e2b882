import { stat } from "node:fs/promises";
import { dirname, extname, resolve } from "node:path";
import { expected, expectedBut } from "../../sdk/kit.ts";

/**
 * Checks, before any work is done, that `path` can become a file of one of `extensions`, and returns its extension.
 * @throws INVALID_ARGUMENT
 */
export async function checkOutput<E extends string>(
  path: string,
  extensions: readonly E[],
  inputs: readonly string[] = [],
): Promise<E> {
  const extension = extensions.find((known) => known === extname(path).toLowerCase());
  if (extension === undefined) {
    throw expected("INVALID_ARGUMENT", `a name ending in ${extensions.join(", ")}`, "the output file", path, { path });
  }
  if (inputs.some((input) => resolve(input) === resolve(path))) {
    throw expected("INVALID_ARGUMENT", "another file than the input", "the output file", path, { path });
  }
  await checkFolder(dirname(resolve(path)), "the output file", path);
  return extension;
}

/** @throws INVALID_ARGUMENT for a folder that is not there */
export async function checkFolder(folder: string, subject: string, path = folder): Promise<void> {
  const isFolder = await stat(folder).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
  if (isFolder) return;
  const received = `${path}: there is no folder ${resolve(folder)}`;
  throw expectedBut("INVALID_ARGUMENT", "a folder that exists", subject, received, { path });
}
