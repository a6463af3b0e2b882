import type { RgbImage } from "../../contract/image.ts";
export type Colour = readonly [red: number, green: number, blue: number];

/** `image` on a canvas of one colour, its top left corner at (left, top). */
export function paste(
  image: RgbImage,
  canvas: { width: number; height: number },
  left: number,
  top: number,
  [red, green, blue]: Colour,
): RgbImage {
  const data = new Uint8Array(canvas.width * canvas.height * 3);
  if (red || green || blue) {
    for (let i = 0; i < data.length; i += 3) {
      data[i] = red;
      data[i + 1] = green;
      data[i + 2] = blue;
    }
  }
  const row = image.width * 3;
  for (let y = 0; y < image.height; y++) {
    data.set(image.data.subarray(y * row, (y + 1) * row), ((top + y) * canvas.width + left) * 3);
  }
  return { data, ...canvas };
}

/** The tiles of `side` x `side` pixels that `image` is made of, row by row; its sides are multiples of `side`. */
export function cut({ data, width, height }: RgbImage, side: number): RgbImage[] {
  const tiles: RgbImage[] = [];
  for (let top = 0; top < height; top += side) {
    for (let left = 0; left < width; left += side) {
      const tile = new Uint8Array(side * side * 3);
      for (let y = 0; y < side; y++) {
        const start = ((top + y) * width + left) * 3;
        tile.set(data.subarray(start, start + side * 3), y * side * 3);
      }
      tiles.push({ data: tile, width: side, height: side });
    }
  }
  return tiles;
}
