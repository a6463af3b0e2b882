import type { TensorRef } from "../../sdk/index.ts";
import { expected, expectedBut, readTensor, type WeightDtype } from "../../sdk/kit.ts";
import { encodeGgufTensor } from "../gguf/index.ts";
import type { TowerTensor } from "./tower-tensors.ts";
import type { TowerSpec } from "./vision-tower.ts";

/** The patch embedding's kernel [width, 3, patch, patch], from whichever order the columns are stored in. */
export function kernelOf({ patchSize: p }: TowerSpec, values: Float32Array, toChannelsLast: boolean): Float32Array {
  const out = new Float32Array(values.length);
  const area = p * p;
  for (let row = 0; row < values.length; row += 3 * area) {
    for (let pixel = 0; pixel < area; pixel++) {
      for (let channel = 0; channel < 3; channel++) {
        const [planar, packed] = [row + channel * area + pixel, row + pixel * 3 + channel];
        if (toChannelsLast) out[packed] = values[planar]!;
        else out[planar] = values[packed]!;
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
 * @throws INVALID_ARGUMENT for a value that becomes infinite
 */
export function encodeWeights(type: WeightDtype, values: Float32Array, { name, file }: TensorRef): Uint8Array {
  if (type === "F16") {
    const large = values.find((value) => Math.abs(value) >= 65_520);
    if (large !== undefined) {
      throw expected(
        "INVALID_ARGUMENT",
        "numbers below 65,520, which F16 holds,",
        `tensor ${name} in ${file}`,
        large,
        "Write F32.",
      );
    }
  }
  const data = encodeGgufTensor(type, values);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** @throws INVALID_ARGUMENT for weights that are NaN or infinite, before they are written into somebody's model */
export function requireFinite(values: Float32Array, { name, file }: TensorRef): Float32Array {
  const bad = values.find((value) => !Number.isFinite(value));
  if (bad === undefined) return values;
  throw expectedBut("INVALID_CHECKPOINT", "finite numbers", `tensor ${name} in ${file}`, String(bad));
}
