import { type GgufTensorToWrite, ggufValue } from "../../gguf/index.ts";
import type { ClassTokenPlace } from "../llama-cpp-builds.ts";
import { type TowerTensor, towerTensors } from "../tower-tensors.ts";
import type { FeaturesTaken, VisionTower } from "../vision-tower.ts";
import { encodeWeights, requireFinite, towerValues } from "../weights.ts";
import { blocksOf } from "./tower-keys.ts";
import { mmprojName } from "./tower-names.ts";
import type { MmprojType } from "./types.ts";

/** The type of the large tensors. Norms, biases, positions and tokens are always F32, as llama.cpp's converters write them. */
export type MmprojFloat = "F32" | "F16";

const fileTypes: Readonly<Record<MmprojFloat, number>> = { F32: 0, F16: 1 };
/** The key that says it. */
export const fileType = (float: MmprojFloat) => ["general.file_type", ggufValue.uint32(fileTypes[float])] as const;

/** The encoder's tensors as an mmproj has them. Each is read when it is written. */
export function towerTensorsToWrite(
  { spec }: VisionTower,
  taken: FeaturesTaken,
  type: MmprojType,
  float: MmprojFloat,
  place: ClassTokenPlace,
): GgufTensorToWrite[] {
  const swapMlp = type.swapsMlp && spec.intermediateSize === spec.hiddenSize;
  return towerTensors(spec, blocksOf(taken), taken.finalNorm).map((tensor): GgufTensorToWrite => {
    const { role, shape, ref } = tensor;
    const large = shape.length > 1 && role !== "positions";
    const written = large ? float : "F32";
    async function* data() {
      const values = requireFinite(await towerValues(spec, tensor), ref);
      const classTokenLast = role === "positions" && spec.classToken !== null && place === "last";
      yield encodeWeights(written, classTokenLast ? firstRowLast(values, tensor) : values, ref);
    }
    return { name: mmprojName(role, swapMlp), type: written, shape, data: data() };
  });
}

/** Where the graph puts the class token last, its row goes there too. Attention does not depend on the order. */
function firstRowLast(values: Float32Array, { shape: [_rows, width] }: TowerTensor): Float32Array {
  const out = new Float32Array(values.length);
  out.set(values.subarray(width));
  out.set(values.subarray(0, width), values.length - (width ?? 0));
  return out;
}
