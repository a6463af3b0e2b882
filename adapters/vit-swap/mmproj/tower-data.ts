import { MMPROJ_POSITIONS_KEY } from "../../../sdk/kit.ts";
import { type GgufTensorToWrite, type GgufValue, ggufValue } from "../../gguf/index.ts";
import type { ClassTokenPlace } from "../llama-cpp-builds.ts";
import { towerTensors } from "../tower-tensors.ts";
import type { FeaturesTaken, TowerSpec, VisionTower } from "../vision-tower.ts";
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
      yield encodeWeights(written, role === "positions" ? positionsAsAdded(values, spec, place) : values, ref);
    }
    return { name: mmprojName(role, swapMlp), type: written, shape, data: data() };
  });
}

/** The position table as llama.cpp adds it. */
function positionsAsAdded(table: Float32Array, spec: TowerSpec, place: ClassTokenPlace): Float32Array {
  const width = spec.hiddenSize;
  const out = new Float32Array(table.length);
  for (const [i, row] of rowsAsAdded(spec, place).entries()) {
    out.set(table.subarray(row * width, (row + 1) * width), i * width);
  }
  return out;
}

/** Says that a file's positions are in llama.cpp's order and not in the model's, so that it is not read as a checkpoint. */
export const positionKeys = (spec: TowerSpec, place: ClassTokenPlace): [string, GgufValue][] =>
  rowsAsAdded(spec, place).every((row, i) => row === i)
    ? []
    : [[MMPROJ_POSITIONS_KEY, ggufValue.string("as llama.cpp adds them")]];

/**
 * The rows of the position table in the order in which llama.cpp adds them: the first to the first token, and so on
 * (clip.cpp `build_vit`). Where its graph puts the class token last, the row goes there too; attention does not depend on the
 * order.
 * Idefics3 looks rows up by buckets, so that a row may come twice and another never.
 */
function rowsAsAdded({ classToken, positions }: TowerSpec, place: ClassTokenPlace): number[] {
  const first = classToken && !positions.classLast ? 1 : 0;
  const inOrder = Array.from({ length: positions.grid }, (_, i) => i);
  const buckets = positions.buckets ?? inOrder;
  const patches = buckets.flatMap((row) => buckets.map((column) => first + row * positions.grid + column));
  const own = classToken ? [positions.classLast ? positions.grid ** 2 : 0] : [];
  return place === "last" ? [...patches, ...own] : [...own, ...patches];
}
