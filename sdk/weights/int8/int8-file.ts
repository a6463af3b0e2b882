import { expected } from "../../errors.ts";
import { byteLength } from "../dtypes.ts";
import { openMade, type WeightsForm } from "../made/weights-form.ts";
import { readTensor } from "../read-tensor.ts";
import { streamSafetensors } from "../safetensors/write-safetensors.ts";
import type { TensorRef } from "../tensor-ref.ts";
import { foldGroup, type GroupArrays, type LinearArrays } from "./fold.ts";
import { planInt8, sourcesOf } from "./int8-plan.ts";
import { type AnyPrecision, int8Tree, type PlacedGroup } from "./int8-tree.ts";
import { quantizeRows } from "./quantize-rows.ts";

/** A tree of weights with its tagged linears in 8 bits (`int8Tree`). */
export const int8Form: WeightsForm = {
  format: "vqrae-int8 3",
  name: "int8 weights",
  steps: (weights) => planInt8(weights).groups.length,
  bytes: (weights) => planInt8(weights).layout.reduce((sum, { dtype, shape }) => sum + byteLength(dtype, shape), 0),
  sources: (weights) => sourcesOf(planInt8(weights)),
  write: writeInt8File,
  open: openInt8File,
};

type Write = (name: string, data: ArrayBufferView) => Promise<void>;

/** @throws INVALID_CHECKPOINT for a weight that is not finite; as `streamSafetensors` */
async function writeInt8File(
  path: string,
  weights: object,
  key: string,
  between: (groupsDone: number) => void,
): Promise<void> {
  const { layout, copies, groups } = planInt8(weights);
  const fill = async (write: Write) => {
    for (const [name, ref] of copies) await write(name, await readFinite(ref));
    for (const [done, group] of groups.entries()) {
      between(done);
      await writeGroup(group, write);
    }
  };
  await streamSafetensors(path, layout, { format: int8Form.format, key }, fill, { checksums: true });
  between(groups.length);
}

async function writeGroup(placed: PlacedGroup, write: Write): Promise<void> {
  const { prefix, group } = placed;
  const { gamma, linears } = foldGroup(await readGroup(placed));
  if (gamma) {
    await write(`${prefix}norm.weight`, gamma);
    if (group.norm?.bias) await write(`${prefix}norm.bias`, new Float32Array(gamma.length));
  }
  for (const { name, weight, outputs, bias } of linears) {
    const { columns, scales } = quantizeRows(weight, outputs);
    await write(`${prefix}${name}.columns`, columns);
    await write(`${prefix}${name}.scales`, scales);
    if (bias) await write(`${prefix}${name}.bias`, bias);
  }
}

/** @throws INVALID_CHECKPOINT for a weight that is not finite */
export async function readGroup({ group: { norm, linears, scale } }: PlacedGroup): Promise<GroupArrays> {
  const readOptional = async (ref: TensorRef | null) => (ref ? readFinite(ref) : null);
  const outScale = await readOptional(scale);
  const arrays: LinearArrays[] = [];
  for (const [name, { weight, bias }] of Object.entries(linears)) {
    const [outputs = 0] = weight.shape;
    arrays.push({ name, weight: await readFinite(weight), outputs, bias: await readOptional(bias), outScale });
  }
  return {
    norm: norm && { gamma: await readFinite(norm.weight), beta: await readOptional(norm.bias) },
    linears: arrays,
  };
}

async function readFinite(ref: TensorRef): Promise<Float32Array> {
  const values = await readTensor(ref);
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return values;
  throw expected("INVALID_CHECKPOINT", "finite numbers", `tensor ${ref.name} in ${ref.file}`, values[bad]);
}

async function openInt8File<T extends object>(path: string, weights: T, key: string): Promise<AnyPrecision<T> | null> {
  const opened = await openMade(path, int8Form, key);
  if (opened === null) return null;
  const { file, tensors } = opened;
  let complete = true;
  const tree = int8Tree(weights, (layout) => {
    const stored = tensors.get(layout.name);
    complete &&= stored?.dtype === layout.dtype && stored.shape.join() === layout.shape.join();
    // Without the file's identity: another process may put the same bytes in its place at any time.
    return { ...layout, file, offset: stored?.offset ?? 0, length: stored?.length ?? 0 };
  });
  return complete ? tree : null;
}
