import { cp } from "node:fs/promises";
import { join } from "node:path";
import { type TensorToWrite, writeSafetensors } from "../../sdk/weights/safetensors/write-safetensors.ts";
import { readExpected } from "../golden/expected.ts";
import { temporaryFolder } from "../standalone/checkpoint/temporary.ts";
import { gaussian, uniform } from "./random.ts";

/** A copy of a VLM's folder whose vision tower has other weights, as one that was trained further. */
export async function otherTower(folder: string, seed: number): Promise<string> {
  const copy = await temporaryFolder();
  await cp(folder, copy, { recursive: true });
  const random = uniform(seed);
  const tensors = Object.entries(readExpected(join(folder, "model.safetensors"))).map(
    ([name, { shape, data }]): TensorToWrite => {
      const noise = gaussian(random, data.length, 0.1);
      const other = name.includes("vision") ? noise.map((value, i) => value + data[i]!) : Float32Array.from(data);
      return { name, dtype: "F32", shape, data: other };
    },
  );
  await writeSafetensors(join(copy, "model.safetensors"), tensors, { format: "pt" });
  return copy;
}
