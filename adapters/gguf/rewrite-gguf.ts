import { realpath } from "node:fs/promises";
import { resolve } from "node:path";
import {
  expected,
  type GgufFile,
  type GgufTensor,
  type GgufValue,
  readGguf,
  readGgufTensorPieces,
} from "../../sdk/kit.ts";
import { type GgufTensorToWrite, streamGguf } from "./write-gguf.ts";

export interface GgufChanges {
  /** Values to set: in place of those of the same key, or after all others. */
  readonly metadata?: Iterable<readonly [key: string, value: GgufValue]>;
  /** Tensors to set: in place of those of the same name, or after all others. */
  readonly tensors?: readonly GgufTensorToWrite[];
  /** Keys and tensors to leave out. */
  readonly without?: (name: string) => boolean;
}

/**
 * Writes `source` to `target` with changes. Every other value and tensor is kept byte for byte and in its order.
 * Tensors are copied in pieces, never held whole.
 *
 * @param options.inPlace allows `target` to be `source`, which is replaced when the new file is whole
 * @throws as `readGguf` and `writeGguf`; INVALID_ARGUMENT where `target` is `source`, unasked
 */
export async function rewriteGguf(
  source: string,
  target: string,
  { metadata = [], tensors = [], without = () => false }: GgufChanges,
  { inPlace = false }: { readonly inPlace?: boolean } = {},
): Promise<void> {
  const file = await readGguf(source);
  const same = await isSame(file, target);
  if (same && !inPlace) throw isInput(target);
  const values = new Map([...file.metadata].filter(([key]) => !without(key)));
  for (const [key, value] of metadata) values.set(key, value);
  const kept = [...file.tensors.values()].filter(({ name }) => !without(name));
  const layout = new Map<string, GgufTensor | GgufTensorToWrite>(kept.map((tensor) => [tensor.name, tensor]));
  for (const tensor of tensors) layout.set(tensor.name, tensor);
  // A link to the source stays a link to it.
  await streamGguf(same ? file.file : target, values, [...layout.values()], async (write) => {
    for (const tensor of layout.values()) {
      await write(tensor.name, "data" in tensor ? tensor.data : readGgufTensorPieces(file, tensor.name));
    }
  });
}

/** @throws INVALID_ARGUMENT where `target` is `file`, as `rewriteGguf` does without `inPlace` */
export async function requireOtherFile(file: GgufFile, target: string): Promise<void> {
  if (await isSame(file, target)) throw isInput(target);
}

const isInput = (target: string) =>
  expected("INVALID_ARGUMENT", "another file than the input", "the output file", target, {
    mend: "Ask for it with `inPlace`.",
    path: target,
  });

const isSame = async ({ file }: GgufFile, target: string): Promise<boolean> =>
  (await realpath(target).catch(() => resolve(target))) === file;
