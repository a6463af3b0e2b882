import { byteLength } from "../dtypes.ts";
import { isBlockDtype } from "../gguf/tensor-data.ts";
import { floatPieces } from "../read-tensor.ts";
import { streamSafetensors, type WriteTensor } from "../safetensors/write-safetensors.ts";
import { isTensorRef, type TensorRef } from "../tensor-ref.ts";
import { isStrided } from "../torch-zip/strides.ts";
import { placeOf } from "./floats.ts";
import { openMade, type WeightsForm } from "./weights-form.ts";

/** Tensors in blocks or with strides as float32 in a file of their own: no graph takes them as they lie. */
export const floatForm = formOf("vqrae-floats 1", "weights brought to floats", (ref) => noGraphTakes(ref));

/** The same, and tensors of 16 bits: onnxruntime widens those at each opening, into memory of the process's own. */
export const widenedForm = formOf(
  "vqrae-widened 1",
  "weights widened to float32",
  (ref) => noGraphTakes(ref) || isHalf(ref),
);

/** Bytes of a tree's 16-bit weights as float32; a tensor that is used twice counts once. */
export const widenedBytes = (weights: object): number => bytesOf(tensorsOf(weights, isHalf));

const noGraphTakes = (ref: TensorRef): boolean => isBlockDtype(ref.dtype) || isStrided(ref);
const isHalf = ({ dtype }: TensorRef): boolean => dtype === "F16" || dtype === "BF16";

/** A file of the tensors that `takes` holds for, as float32; `open` finds `Floats`. */
function formOf(format: string, name: string, takes: (ref: TensorRef) => boolean): WeightsForm {
  const form: WeightsForm = {
    format,
    name,
    steps: (weights) => tensorsOf(weights, takes).size,
    bytes: (weights) => bytesOf(tensorsOf(weights, takes)),
    *sources(weights) {
      for (const [name, ref] of tensorsOf(weights, takes)) yield { role: name, ref };
    },
    async write(path, weights, key, between) {
      const refs = tensorsOf(weights, takes);
      const layout = Array.from(refs, ([name, { shape }]) => ({ name, dtype: "F32" as const, shape }));
      let done = 0;
      const fill = async (write: WriteTensor) => {
        for (const [name, ref] of refs) {
          between(done++);
          await write(name, floatPieces(ref));
        }
      };
      await streamSafetensors(path, layout, { format, key }, fill, { checksums: true });
      between(done);
    },
    async open(path, weights, key) {
      const opened = await openMade(path, form, key);
      if (opened === null) return null;
      const floats = new Map<string, TensorRef>();
      for (const [name, ref] of tensorsOf(weights, takes)) {
        const stored = opened.tensors.get(name);
        if (stored?.dtype !== "F32" || stored.shape.join() !== ref.shape.join()) return null;
        const { shape, offset, length } = stored;
        // Without the file's identity: another process may put the same bytes in its place at any time.
        floats.set(placeOf(ref), { name: ref.name, dtype: "F32", shape, file: opened.file, offset, length });
      }
      return floats;
    },
  };
  return form;
}

/** The tensors of a tree that `takes` holds for, by the names of their floats. */
function tensorsOf(weights: object, takes: (ref: TensorRef) => boolean): ReadonlyMap<string, TensorRef> {
  const found = new Map<string, TensorRef>();
  const collect = (part: unknown): void => {
    if (typeof part !== "object" || part === null) return;
    if (!isTensorRef(part)) Object.values(part).forEach(collect);
    else if (takes(part)) found.set(placeOf(part), part);
  };
  collect(weights);
  return new Map(Array.from(found.values(), (ref, index) => [`${index} ${ref.name}`, ref]));
}

const bytesOf = (refs: ReadonlyMap<string, TensorRef>): number =>
  Array.from(refs.values()).reduce((sum, { shape }) => sum + byteLength("F32", shape), 0);
