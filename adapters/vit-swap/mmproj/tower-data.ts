import type { GgufTensorToWrite } from "../../gguf/index.ts";
import type { ClassTokenPlace } from "../llama-cpp-builds.ts";
import { type TowerTensor, towerTensors } from "../tower-tensors.ts";
import type { FeaturesTaken, VisionTower } from "../vision-tower.ts";
import { encodeWeights, requireFinite, towerValues } from "../weights.ts";
import { mmprojName } from "./tower-names.ts";
import type { MmprojType } from "./types.ts";

/** The type of the large tensors; norms, biases, positions and tokens are F32 always, as llama.cpp's converters write them. */
export type MmprojFloat = "F32" | "F16";

/** The encoder's tensors as an mmproj has them. Each is read when it is written. */
export function towerTensorsToWrite(
  { spec }: VisionTower,
  { layers, finalNorm }: FeaturesTaken,
  type: MmprojType,
  float: MmprojFloat,
  place: ClassTokenPlace,
): GgufTensorToWrite[] {
  const swapMlp = type.swapsMlp && spec.intermediateSize === spec.hiddenSize;
  return towerTensors(spec, layers.at(-1)!, finalNorm).map((tensor): GgufTensorToWrite => {
    const { role, shape, ref } = tensor;
    const large = shape.length > 1 && role !== "positions";
    const written = large ? float : "F32";
    async function* data() {
      const values = requireFinite(await towerValues(spec, tensor), ref);
      const turned =
        role === "positions" && spec.classToken && place === "last" ? firstRowLast(values, tensor) : values;
      yield encodeWeights(written, turned, ref);
    }
    return { name: mmprojName(role, swapMlp), type: written, shape, data: data() };
  });
}

/** Where the graph puts the class token last, its row goes there too: attention does not care for the order. */
function firstRowLast(values: Float32Array, { shape }: TowerTensor): Float32Array {
  const width = shape.at(-1)!;
  const out = new Float32Array(values.length);
  out.set(values.subarray(width));
  out.set(values.subarray(0, width), values.length - width);
  return out;
}
