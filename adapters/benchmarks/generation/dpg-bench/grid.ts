import type { RgbImage } from "../../../../sdk/index.ts";
import { expectedBut } from "../../../../sdk/kit.ts";

/** Where the crops of a grid lie, in units of their size: top left, top right, bottom left, bottom right. */
const PLACES = [
  [0, 0],
  [1, 0],
  [0, 1],
  [1, 1],
] as const;

/**
 * Four images of one prompt, equally large squares, in the one picture that DPG-Bench reads.
 * @throws INVALID_ARGUMENT
 */
export function dpgGrid(images: readonly RgbImage[]): RgbImage {
  const [first] = images;
  if (images.length !== PLACES.length || !first) {
    throw expectedBut("INVALID_ARGUMENT", "four images", "a grid of DPG-Bench", String(images.length));
  }
  const side = first.width;
  const grid = { data: new Uint8Array(4 * side * side * 3), width: 2 * side, height: 2 * side };
  for (const [index, image] of images.entries()) {
    if (image.width !== side || image.height !== side) {
      const received = `${image.width} x ${image.height}`;
      throw expectedBut("INVALID_ARGUMENT", `${side} x ${side} pixels`, `image ${index} of the grid`, received);
    }
    const [x, y] = [index % 2, Math.floor(index / 2)];
    for (let row = 0; row < side; row++) {
      const from = image.data.subarray(row * side * 3, (row + 1) * side * 3);
      grid.data.set(from, ((y * side + row) * grid.width + x * side) * 3);
    }
  }
  return grid;
}

/** The first `count` crops of `size` pixels a side. @throws INVALID_ARGUMENT if the picture is too small for them */
export function gridCrops(grid: RgbImage, size: number, count: number): RgbImage[] {
  const places = PLACES.slice(0, count);
  const width = size * (1 + Math.max(...places.map(([x]) => x)));
  const height = size * (1 + Math.max(...places.map(([, y]) => y)));
  if (grid.width < width || grid.height < height) {
    const received = `${grid.width} x ${grid.height}`;
    throw expectedBut(
      "INVALID_ARGUMENT",
      `at least ${width} x ${height} pixels`,
      "a grid of DPG-Bench",
      received,
      "Give the size of one of its images with --resolution, and how many it holds with --pics.",
    );
  }
  return places.map(([x, y]) => {
    const data = new Uint8Array(size * size * 3);
    for (let row = 0; row < size; row++) {
      const start = ((y * size + row) * grid.width + x * size) * 3;
      data.set(grid.data.subarray(start, start + size * 3), row * size * 3);
    }
    return { data, width: size, height: size };
  });
}
