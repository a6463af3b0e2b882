import { VqraeError } from "../../errors.ts";
import { openChecked } from "../safetensors/checksums.ts";
import { openSafetensors, type SafetensorsFile } from "../safetensors/open-safetensors.ts";
import type { TensorRef } from "../tensor-ref.ts";
import { noteChecked, wasChecked } from "./checked-note.ts";

/** A form of a tree of weights that is made once, from all of their numbers, and kept in a safetensors file. */
export interface WeightsForm {
  /** Changes with everything that changes a file's content: files of another version are not read. */
  readonly format: string;
  /** What it is called in messages. */
  readonly name: string;
  /** How many pieces its work has; 0 for a tree that has no such form. */
  steps(weights: object): number;
  /** How large its file will be, but for the header. */
  bytes(weights: object): number;
  /** Every tensor that the file is made from, and what it is there for: equal roles in two trees mean the same use. */
  sources(weights: object): Iterable<{ readonly role: string; readonly ref: TensorRef }>;
  /**
   * Writes the file, with checksums; the weights of a few tensors are in memory at a time. `between` is called before each piece of work, with
   * how many are done; what it throws ends the work, and no file is left.
   *
   * @param key of the content, kept as metadata
   * @throws INVALID_CHECKPOINT for a weight that is not finite where rounding would hide it; as `streamSafetensors`
   */
  write(path: string, weights: object, key: string, between: (done: number) => void): Promise<void>;
  /** The tree whose tensors lie in the file at `path`; null where that is missing, damaged or of another content. */
  open(path: string, weights: object, key: string): Promise<object | null>;
}

/**
 * The file of a form at `path`; null where that is missing, damaged or of another content. Its checksums are compared, which reads
 * all of it, unless they were and it has not been touched since.
 */
export async function openMade(
  path: string,
  { format }: Pick<WeightsForm, "format">,
  key: string,
): Promise<SafetensorsFile | null> {
  try {
    const checked = await wasChecked(path);
    const opened = await (checked ? openSafetensors(path) : noteChecked(path, () => openChecked(path)));
    return opened?.metadata.format === format && opened.metadata.key === key ? opened : null;
  } catch (error) {
    if (VqraeError.isInstance(error)) return null;
    throw error;
  }
}
