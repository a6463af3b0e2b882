import { expectedBut } from "../errors.ts";
import { type OpenFile, openFile, readExactly } from "../files/read-file.ts";
import { isStridedWeight, isWeightDtype } from "./dtypes.ts";
import { decodeGgufTensor } from "./gguf/tensor-data.ts";
import { blockSize, tensorBytes } from "./gguf/tensor-types.ts";
import { readTensor } from "./read-tensor.ts";
import { isTensorRef, type TensorRef, type WeightDtype } from "./tensor-ref.ts";

/** Read at once; the event loop runs between two of them, each checked within a millisecond or two. */
const CHUNK_BYTES = 1024 * 1024;

/** Names in a message. */
const MAX_NAMED = 5;

/** A tensor with elements that are no numbers. */
export interface NonFiniteTensor {
  readonly name: string;
  readonly nan: number;
  readonly infinite: number;
  readonly elements: number;
}

/** How to tell a NaN and an infinity by their bits: exponent all ones, with and without a fraction. */
const bitsOf: Readonly<Record<WeightDtype, { bytes: 2 | 4; exponent: number; fraction: number }>> = {
  F32: { bytes: 4, exponent: 0x7f800000, fraction: 0x007fffff },
  F16: { bytes: 2, exponent: 0x7c00, fraction: 0x03ff },
  BF16: { bytes: 2, exponent: 0x7f80, fraction: 0x007f },
};

/**
 * Reads tensors a few megabytes at a time and counts what is NaN or infinite; tensors without are left out.
 * `report` gets bytes.
 *
 * @throws CHECKPOINT_NOT_FOUND where a file has gone, INVALID_CHECKPOINT where it has become shorter; the signal's reason
 */
export async function nonFiniteTensors(
  tensors: readonly TensorRef[],
  { signal, report }: { signal?: AbortSignal; report?: (loaded: number, total: number) => void } = {},
): Promise<NonFiniteTensor[]> {
  const total = tensors.reduce((sum, { length }) => sum + length, 0);
  let loaded = 0;
  report?.(loaded, total);
  const found: NonFiniteTensor[] = [];
  const add = ({ name, shape }: TensorRef, counts: { readonly nan: number; readonly infinite: number }) => {
    const elements = shape.reduce((product, size) => product * size, 1);
    if (counts.nan + counts.infinite > 0) found.push({ name, ...counts, elements });
  };
  const opened = new Map<string, OpenFile>();
  try {
    for (const ref of tensors) {
      const file = opened.get(ref.file) ?? (await openFile(ref.file));
      opened.set(ref.file, file);
      const counts = { nan: 0, infinite: 0 };
      const { dtype } = ref;
      if (isStridedWeight(dtype)) {
        signal?.throwIfAborted();
        countNonFinite(await readTensor(ref), "F32", counts);
        report?.((loaded += ref.length), total);
        add(ref, counts);
        continue;
      }
      const block = isWeightDtype(dtype) ? 1 : tensorBytes(dtype, [blockSize(dtype)]);
      const piece = Math.floor(CHUNK_BYTES / block) * block;
      for (let done = 0; done < ref.length; done += piece) {
        signal?.throwIfAborted();
        const bytes = await readExactly(file, ref.offset + done, Math.min(piece, ref.length - done));
        if (isWeightDtype(dtype)) countNonFinite(bytes, dtype, counts);
        else countNonFinite(decodeGgufTensor(dtype, bytes, ref.name), "F32", counts);
        report?.((loaded += bytes.length), total);
      }
      add(ref, counts);
    }
  } finally {
    await Promise.all(Array.from(opened.values(), ({ handle }) => handle.close()));
  }
  return found;
}

/** @throws INVALID_CHECKPOINT naming the tensors of `trees` that hold NaN or infinity, with their counts */
export async function requireFiniteWeights(
  folder: string,
  trees: readonly object[],
  signal?: AbortSignal,
  report?: (loaded: number, total: number) => void,
): Promise<void> {
  const found = await nonFiniteTensors(tensorsOf(trees), { ...(signal && { signal }), ...(report && { report }) });
  if (found.length === 0) return;
  const named = found.slice(0, MAX_NAMED).map(describeNonFinite).join(", ");
  const received = `${found.length} with others: ${named}${found.length > MAX_NAMED ? ", ..." : ""}`;
  throw expectedBut(
    "INVALID_CHECKPOINT",
    "tensors of finite numbers",
    folder,
    received,
    "Save the checkpoint again from a state before training diverged, or download it again.",
  );
}

/** Such as "head.weight (3 NaN and 1 infinite of 1024)". */
export function describeNonFinite({ name, nan, infinite, elements }: NonFiniteTensor): string {
  const kinds = [...(nan > 0 ? [`${nan} NaN`] : []), ...(infinite > 0 ? [`${infinite} infinite`] : [])];
  return `${name} (${kinds.join(" and ")} of ${elements})`;
}

/** Numbers in all tensors of trees of weights. */
export const parametersOf = (trees: readonly object[]): number =>
  tensorsOf(trees).reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);

/** Every tensor of trees of weights, once, in the order of the files. */
function tensorsOf(trees: readonly object[]): TensorRef[] {
  const byPlace = new Map<string, TensorRef>();
  const collect = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    if (isTensorRef(value)) byPlace.set(`${value.file}:${value.offset}:${value.strides ?? ""}`, value);
    else Object.values(value).forEach(collect);
  };
  collect(trees);
  return [...byPlace.values()].sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.offset - b.offset));
}

function countNonFinite(bytes: ArrayBufferView, dtype: WeightDtype, counts: { nan: number; infinite: number }): void {
  const { bytes: size, exponent, fraction } = bitsOf[dtype];
  const elements =
    size === 4
      ? new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
      : new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
  for (let i = 0; i < elements.length; i++) {
    const bits = elements[i]!;
    if ((bits & exponent) !== exponent) continue;
    if ((bits & fraction) === 0) counts.infinite += 1;
    else counts.nan += 1;
  }
}
