import type { RgbImage } from "../sdk/index.ts";

/** Two images of one height in one picture. */
export function sideBySide(left: RgbImage, right: RgbImage): RgbImage {
  const width = left.width + right.width;
  const data = new Uint8Array(width * left.height * 3);
  for (let y = 0; y < left.height; y++) {
    data.set(rowOf(left, y), y * width * 3);
    data.set(rowOf(right, y), (y * width + left.width) * 3);
  }
  return { data, width, height: left.height };
}

const rowOf = ({ data, width }: RgbImage, y: number) => data.subarray(y * width * 3, (y + 1) * width * 3);
