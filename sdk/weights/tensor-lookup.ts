import { expected, expectedBut } from "../errors.ts";
import { type Dtype, isStridedWeight, isWeightDtype } from "./dtypes.ts";
import { isBlockDtype } from "./gguf/tensor-data.ts";
import type { StoredTensor } from "./safetensors/safetensors-header.ts";
import type { BlockDtype, LinearRef, NormRef, StridedDtype, TensorRef } from "./tensor-ref.ts";
import { isStrided, stridedRows } from "./torch-zip/strides.ts";

/** A tensor of a folder, or of a torch or GGUF file that is read in place. */
export type CheckpointTensor = StoredTensor<Dtype | BlockDtype | StridedDtype<Dtype>>;

/** Finds tensors by name and checks their shapes; every name is below `prefix`. */
export interface TensorLookup {
  has(name: string): boolean;
  /** In `shape`, null stands for any size. */
  tensor(name: string, shape: readonly (number | null)[]): TensorRef;
  /** `weightShape` begins with the number of outputs, which is the bias's length. */
  linear(name: string, weightShape: readonly number[], bias?: boolean): LinearRef;
  layerNorm(name: string, size: number): NormRef & { readonly bias: TensorRef };
  rmsNorm(name: string, size: number): NormRef;
  /** Three linears (query, key, value) stored as one, their rows one after the other; each reads its own part of the bytes. */
  fusedLinears(name: string, weightShape: readonly number[], bias?: boolean): [LinearRef, LinearRef, LinearRef];
  /** Everything that comes before `name` in the names that end with it. */
  prefixesOf(name: string): string[];
  /** The same tensors, seen from `prefix` down. */
  below(prefix: string): TensorLookup;
  /** Throws for the first tensor below here that nothing has asked for; `except` may go unread. */
  requireAllUsed(except?: readonly string[]): void;
}

/** How many of the parts that `nameOf` numbers have a tensor, from 0 on to the first that has none; at most `most`. */
export function countTensors(tensors: TensorLookup, nameOf: (i: number) => string, most: number): number {
  let count = 0;
  while (count < most && tensors.has(nameOf(count))) count++;
  return count;
}

/**
 * @param folder named in errors
 * @throws INVALID_CHECKPOINT (each method) for a tensor that is missing, of the wrong shape or no float
 */
export function tensorLookup(tensors: ReadonlyMap<string, CheckpointTensor>, folder: string): TensorLookup {
  const used = new Set<string>();

  const at = (prefix: string): TensorLookup => {
    const tensor = (name: string, shape: readonly (number | null)[]) => {
      used.add(prefix + name);
      return weight(tensors, prefix + name, shape, folder);
    };
    return {
      has: (name) => tensors.has(prefix + name),
      tensor,
      linear: (name, weightShape, bias = true) => ({
        weight: tensor(`${name}.weight`, weightShape),
        bias: bias ? tensor(`${name}.bias`, weightShape.slice(0, 1)) : null,
      }),
      layerNorm: (name, size) => ({
        weight: tensor(`${name}.weight`, [size]),
        bias: tensor(`${name}.bias`, [size]),
      }),
      rmsNorm: (name, size) => ({ weight: tensor(`${name}.weight`, [size]), bias: null }),
      fusedLinears(name, [out = 0, ...into], bias = true) {
        const weight = tensor(`${name}.weight`, [3 * out, ...into]);
        const biases = bias ? tensor(`${name}.bias`, [3 * out]) : null;
        const part = (i: number) => ({ weight: rows(weight, i, 3), bias: biases && rows(biases, i, 3) });
        return [part(0), part(1), part(2)];
      },
      prefixesOf: (name) =>
        Array.from(tensors.keys())
          .filter((key) => key.startsWith(prefix) && key.endsWith(name))
          .map((key) => key.slice(prefix.length, key.length - name.length))
          // A whole name: "x.patch_embedding" does not end "my_patch_embedding".
          .filter((inner) => inner === "" || inner.endsWith(".")),
      below: (inner) => at(prefix + inner),
      requireAllUsed(except = []) {
        const own = Array.from(tensors.values()).filter(({ name }) => name.startsWith(prefix));
        const extra = own.find(({ name }) => !used.has(name) && !except.includes(name.slice(prefix.length)));
        if (!extra) return;
        const received = `an unknown tensor ${extra.name} of shape [${extra.shape.join(", ")}]`;
        throw expectedBut(
          "INVALID_CHECKPOINT",
          "only config.json's tensors",
          `${prefix}* in ${extra.file}`,
          received,
          "What it is for would be left out of the computation: check that config.json belongs to these weights.",
        );
      },
    };
  };
  return at("");
}

/** Part `index` of `count` equal ones along the first axis: a range of the same bytes. */
function rows(ref: TensorRef, index: number, count: number): TensorRef {
  const [first = 0, ...others] = ref.shape;
  const part = { ...ref, name: `${ref.name}[${index}/${count}]`, shape: [first / count, ...others] };
  if (isStrided(ref)) return { ...part, ...stridedRows(ref, (index * first) / count, first / count) };
  const length = ref.length / count;
  return { ...part, offset: ref.offset + index * length, length };
}

function weight(
  tensors: ReadonlyMap<string, CheckpointTensor>,
  name: string,
  shape: readonly (number | null)[],
  folder: string,
): TensorRef {
  const stored = tensors.get(name);
  const wanted = `shape [${shape.map((size) => size ?? "any").join(", ")}]`;
  if (!stored) {
    const some = Array.from(tensors.keys()).slice(0, 3).join(", ");
    throw expectedBut(
      "INVALID_CHECKPOINT",
      wanted,
      `tensor ${name} in ${folder}`,
      "no such tensor",
      `There are ${tensors.size} tensors${some && `: ${some}${tensors.size > 3 ? ", ..." : ""}`}.`,
    );
  }
  const { dtype, file } = stored;
  if (stored.shape.length !== shape.length || stored.shape.some((size, axis) => size !== (shape[axis] ?? size))) {
    throw expected("INVALID_CHECKPOINT", wanted, `tensor ${name} in ${file}`, stored.shape);
  }
  if (!isWeightDtype(dtype) && !isBlockDtype(dtype) && !isStridedWeight(dtype))
    throw expectedBut("INVALID_CHECKPOINT", "F32, F16 or BF16", `dtype of tensor ${name} in ${file}`, dtype);
  return { ...stored, dtype };
}
