import type { RgbImage } from "../contract/image.ts";
import { expected, expectedBut } from "../errors.ts";
import { checkRgbImage } from "./rgb-image.ts";
import type { ViewPlan } from "./view-plan.ts";

/**
 * Cuts normalised images of one size into patches: [n * rows * columns, 3 * patchSize * patchSize], in raster order.
 * A patch is ordered channel, row, column, so that a convolution's kernel [d, 3, p, p], read as [d, 3 * p * p],
 * multiplies it. Pixels beyond the last whole patch are dropped, as that convolution drops them.
 */
export function patchify(
  images: readonly RgbImage[],
  patchSize: number,
  mean: ViewPlan["mean"],
  std: ViewPlan["std"],
): Float32Array {
  const { width, height } = check(images, patchSize);
  const tables = normalisationTables(mean, std);
  const rows = Math.floor(height / patchSize);
  const columns = Math.floor(width / patchSize);
  const area = patchSize * patchSize;
  const patches = new Float32Array(images.length * rows * columns * 3 * area);
  for (const [n, { data }] of images.entries()) {
    for (let y = 0; y < rows * patchSize; y++) {
      const firstPatch = (n * rows + Math.floor(y / patchSize)) * columns;
      let pixel = y * width * 3;
      for (let column = 0; column < columns; column++) {
        const red = (firstPatch + column) * 3 * area + (y % patchSize) * patchSize;
        for (let x = red; x < red + patchSize; x++, pixel += 3) {
          patches[x] = tables[0][data[pixel]!]!;
          patches[x + area] = tables[1][data[pixel + 1]!]!;
          patches[x + 2 * area] = tables[2][data[pixel + 2]!]!;
        }
      }
    }
  }
  return patches;
}

type Table = Float32Array;

/** Per channel, (byte / 255 - mean) / std for each of the 256 bytes, every step rounded to float32 as torch does. */
export function normalisationTables(mean: ViewPlan["mean"], std: ViewPlan["std"]): [Table, Table, Table] {
  const table = (channel: 0 | 1 | 2): Table => {
    const [shift, scale] = [Math.fround(mean[channel]), Math.fround(std[channel])];
    if (!Number.isFinite(shift)) throw expected("INVALID_ARGUMENT", "finite numbers", "mean", mean);
    if (!(scale > 0 && Number.isFinite(scale))) throw expected("INVALID_ARGUMENT", "positive numbers", "std", std);
    return Float32Array.from({ length: 256 }, (_, byte) => Math.fround(Math.fround(byte / 255) - shift) / scale);
  };
  return [table(0), table(1), table(2)];
}

/** The one size of all images, which must hold at least one patch; zero by zero for no images. */
function check(images: readonly RgbImage[], patchSize: number): { width: number; height: number } {
  if (!Number.isSafeInteger(patchSize) || patchSize < 1) {
    throw expected("INVALID_ARGUMENT", "a positive integer", "patchSize", patchSize);
  }
  const [first] = images;
  if (first === undefined) return { width: 0, height: 0 };
  const { width, height } = first;
  for (const [i, image] of images.entries()) {
    checkRgbImage(image, `image ${i} to patchify`);
    if (image.width !== width || image.height !== height) {
      const size = `${image.width} x ${image.height}`;
      throw expectedBut("INVALID_ARGUMENT", `${width} x ${height} pixels like image 0`, `image ${i} to patchify`, size);
    }
  }
  if (Math.min(width, height) < patchSize) {
    const size = `${width} x ${height} pixels`;
    throw expectedBut(
      "INVALID_ARGUMENT",
      `at least one patch of ${patchSize} x ${patchSize}`,
      "images to patchify",
      size,
    );
  }
  return { width, height };
}
