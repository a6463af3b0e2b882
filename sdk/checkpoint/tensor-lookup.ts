import { expected, words } from "../errors.ts";
import type { LayerNormRef, LinearRef, TensorRef } from "./checkpoint.ts";
import { isWeightDtype } from "./dtypes.ts";
import type { StoredTensor } from "./safetensors-header.ts";

/** Finds tensors by name and checks their shapes; every name is below `prefix`. */
export interface TensorLookup {
  has(name: string): boolean;
  tensor(name: string, shape: readonly number[]): TensorRef;
  /** `weightShape` begins with the number of outputs, which is the bias's length. */
  linear(name: string, weightShape: readonly number[], bias?: boolean): LinearRef;
  layerNorm(name: string, size: number): LayerNormRef;
  /** The same tensors, seen from `prefix` down. */
  below(prefix: string): TensorLookup;
  /** Throws for the first tensor below here that nothing has asked for. */
  requireAllUsed(): void;
}

/**
 * @param folder named in errors
 * @throws INVALID_CHECKPOINT (each method) for a tensor that is missing, of the wrong shape or no float
 */
export function tensorLookup(tensors: ReadonlyMap<string, StoredTensor>, folder: string): TensorLookup {
  const used = new Set<string>();

  const at = (prefix: string): TensorLookup => {
    const tensor = (name: string, shape: readonly number[]) => {
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
      below: (inner) => at(prefix + inner),
      requireAllUsed() {
        const own = Array.from(tensors.values()).filter(({ name }) => name.startsWith(prefix));
        const extra = own.find(({ name }) => !used.has(name));
        if (!extra) return;
        const received = words(`an unknown tensor ${extra.name} of shape [${extra.shape.join(", ")}]`);
        throw expected("INVALID_CHECKPOINT", "only config.json's tensors", `${prefix}* in ${extra.file}`, received);
      },
    };
  };
  return at("");
}

function weight(
  tensors: ReadonlyMap<string, StoredTensor>,
  name: string,
  shape: readonly number[],
  folder: string,
): TensorRef {
  const stored = tensors.get(name);
  const wanted = `shape [${shape.join(", ")}]`;
  if (!stored) {
    const some = Array.from(tensors.keys()).slice(0, 3).join(", ");
    throw expected("INVALID_CHECKPOINT", wanted, `tensor ${name} in ${folder}`, words("no such tensor"), {
      mend: `There are ${tensors.size} tensors${some && `: ${some}${tensors.size > 3 ? ", ..." : ""}`}.`,
    });
  }
  const { dtype, file } = stored;
  if (stored.shape.length !== shape.length || stored.shape.some((size, axis) => size !== shape[axis])) {
    throw expected("INVALID_CHECKPOINT", wanted, `tensor ${name} in ${file}`, stored.shape);
  }
  if (!isWeightDtype(dtype))
    throw expected("INVALID_CHECKPOINT", "F32, F16 or BF16", `dtype of tensor ${name} in ${file}`, words(dtype));
  return { ...stored, dtype };
}
