import { openMade, type WeightsForm } from "../made/weights-form.ts";
import { readTensor } from "../read-tensor.ts";
import { streamSafetensors, type WriteTensor } from "../safetensors/write-safetensors.ts";
import { isTensorRef, type TensorRef } from "../tensor-ref.ts";
import { isStrided } from "../torch-zip/strides.ts";
import { isBlockDtype } from "./tensor-data.ts";

/** A tree of weights whose tensors in blocks or with strides are float32 in a file of their own; every other one stays where it lies. */
export const floatForm: WeightsForm = {
  format: "vqrae-floats 1",
  name: "weights brought to floats",
  steps: (weights) => blocksOf(weights).size,
  *sources(weights) {
    for (const [name, ref] of blocksOf(weights)) yield { role: name, ref };
  },
  async write(path, weights, key, between) {
    const refs = blocksOf(weights);
    const layout = Array.from(refs, ([name, { shape }]) => ({ name, dtype: "F32" as const, shape }));
    let done = 0;
    const fill = async (write: WriteTensor) => {
      for (const [name, ref] of refs) {
        between(done++);
        await write(name, await readTensor(ref));
      }
    };
    await streamSafetensors(path, layout, { format: floatForm.format, key }, fill, { checksums: true });
    between(done);
  },
  async open(path, weights, key) {
    const opened = await openMade(path, floatForm, key);
    if (opened === null) return null;
    const floats = new Map<string, TensorRef>();
    for (const [name, ref] of blocksOf(weights)) {
      const stored = opened.tensors.get(name);
      if (stored?.dtype !== "F32" || stored.shape.join() !== ref.shape.join()) return null;
      floats.set(placeOf(ref), { ...stored, dtype: "F32", name: ref.name });
    }
    return withTensors(weights, floats);
  },
};

/** Where a tensor's bytes are: one that is used twice is brought to floats once. */
const placeOf = ({ file, offset, shape, strides = [] }: TensorRef): string =>
  [file, offset, shape.join(), strides.join()].join(":");

/** The tensors in blocks or with strides, by the names of their floats. */
function blocksOf(weights: object): ReadonlyMap<string, TensorRef> {
  const found = new Map<string, TensorRef>();
  const collect = (part: unknown): void => {
    if (typeof part !== "object" || part === null) return;
    if (!isTensorRef(part)) Object.values(part).forEach(collect);
    else if (isBlockDtype(part.dtype) || isStrided(part)) found.set(placeOf(part), part);
  };
  collect(weights);
  return new Map(Array.from(found.values(), (ref, index) => [`${index} ${ref.name}`, ref]));
}

/** The same tree with other tensors in the place of some. */
function withTensors<T extends object>(tree: T, floats: ReadonlyMap<string, TensorRef>): object {
  if (isTensorRef(tree)) return floats.get(placeOf(tree)) ?? tree;
  if (Array.isArray(tree)) return tree.map((part) => withinTensors(part, floats));
  return Object.fromEntries(Object.entries(tree).map(([key, part]) => [key, withinTensors(part, floats)]));
}

const withinTensors = (part: unknown, floats: ReadonlyMap<string, TensorRef>): unknown =>
  typeof part === "object" && part !== null ? withTensors(part, floats) : part;
