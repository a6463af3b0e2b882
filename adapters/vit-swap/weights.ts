import type { TensorRef } from "../../sdk/index.ts";
import { expected, expectedBut, readTensor, type WeightDtype } from "../../sdk/kit.ts";
import { encodeGgufTensor } from "../gguf/index.ts";
import type { TowerTensor } from "./tower-tensors.ts";
import type { TowerSpec } from "./vision-tower.ts";

/** The smallest number that F16 rounds to infinity. */
const F16_INFINITE = 65_520;

/** The patch embedding's kernel [width, 3, patch, patch], from whichever order the columns are stored in. */
export function kernelOf({ patchSize: p }: TowerSpec, values: Float32Array, toChannelsLast: boolean): Float32Array {
  const out = new Float32Array(values.length);
  const area = p * p;
  for (let row = 0; row < values.length; row += 3 * area) {
    for (let pixel = 0; pixel < area; pixel++) {
      for (let channel = 0; channel < 3; channel++) {
        const [planar, packed] = [row + channel * area + pixel, row + pixel * 3 + channel];
        const [from, to] = toChannelsLast ? [planar, packed] : [packed, planar];
        out[to] = values[from] ?? 0;
      }
    }
  }
  return out;
}

/** A tower's tensor as floats; the patch kernel ordered channel, row, column. */
export async function towerValues(spec: TowerSpec, { role, ref }: TowerTensor): Promise<Float32Array> {
  const values = await readTensor(ref);
  return role === "patch_embedding.weight" && spec.channelsLast ? kernelOf(spec, values, false) : values;
}

/**
 * Weights in the bits of `type`.
 * @throws INVALID_ARGUMENT for a type in which a value becomes infinite
 */
export function encodeWeights(type: WeightDtype, values: Float32Array, { name, file }: TensorRef): Uint8Array {
  const large = type === "F16" ? values.find((value) => Math.abs(value) >= F16_INFINITE) : undefined;
  if (large !== undefined) {
    const subject = `tensor ${name} in ${file}`;
    throw expected("INVALID_ARGUMENT", "numbers below 65,520, which F16 holds,", subject, large, "Write F32.");
  }
  const data = encodeGgufTensor(type, values);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/**
 * The same weights, checked before they are written into somebody's model.
 * @throws INVALID_CHECKPOINT for one that is NaN or infinite
 */
export function requireFinite(values: Float32Array, { name, file }: TensorRef): Float32Array {
  const bad = values.find((value) => !Number.isFinite(value));
  if (bad === undefined) return values;
  const details = { path: file };
  throw expectedBut("INVALID_CHECKPOINT", "finite numbers", `tensor ${name} in ${file}`, String(bad), details);
}
