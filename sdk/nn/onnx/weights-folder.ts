import nodePath, { type PlatformPath } from "node:path";
import { expectedBut } from "../../errors.ts";

/** Files as a graph names them: relative to one folder, which onnxruntime does not look outside of. */
export interface WeightsFolder {
  /** "" for no files. */
  readonly folder: string;
  /** Of each file, with "/" between its parts. */
  readonly locations: ReadonlyMap<string, string>;
}

/**
 * The deepest folder that holds all `files` (absolute paths): a projector's weights lie in another one than its encoder's.
 * @throws INVALID_CHECKPOINT for files on different drives of Windows
 */
export function weightsFolder(files: readonly string[], path: PlatformPath = nodePath): WeightsFolder {
  const [first, ...others] = files;
  if (first === undefined) return { folder: "", locations: new Map() };
  let folder = path.dirname(first);
  for (const file of others) {
    while (outside(path.relative(folder, file), path)) {
      const parent = path.dirname(folder);
      if (parent === folder) {
        throw expectedBut(
          "INVALID_CHECKPOINT",
          `a file on the drive of ${first}`,
          "the weights",
          file,
          "onnxruntime reads the weights of one graph from below one folder: put them on the same drive.",
        );
      }
      folder = parent;
    }
  }
  const locations = files.map((file) => [file, path.relative(folder, file).replaceAll(path.sep, "/")] as const);
  return { folder, locations: new Map(locations) };
}

const outside = (relative: string, path: PlatformPath): boolean =>
  relative === ".." || relative.startsWith(`..${path.sep}`) || path.isAbsolute(relative);
