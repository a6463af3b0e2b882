import { readModel } from "../../sdk/families/read-model.ts";
import { preprocess } from "../../sdk/image/preprocess.ts";
import type { RgbImage } from "../../sdk/index.ts";
import { type Expected, largestDifference, rowOf } from "./expected.ts";

/** The largest difference between how a checkpoint's images are prepared and how its original's code prepared them. */
export async function preparedDifference(
  folder: string,
  images: readonly RgbImage[],
  expected: Expected,
): Promise<number> {
  const { image } = await readModel(folder);
  return Math.max(...images.map((one, i) => largestDifference(preprocess(one, image).data, rowOf(expected, i))));
}
