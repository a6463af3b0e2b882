import type { RgbImage } from "../../contract/image.ts";

/** Bytes of one pixel. */
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

/** The part of `image` whose top left corner is at (left, top). */
export function crop(
  image: RgbImage,
  left: number,
  top: number,
  { width, height }: { width: number; height: number },
): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const start = ((top + y) * image.width + left) * 3;
    data.set(image.data.subarray(start, start + width * 3), y * width * 3);
  }
  return { data, width, height };
}

/** The tiles of `side` x `side` pixels that `image` is made of, row by row; its sides are multiples of `side`. */
export function cut(image: RgbImage, side: number): RgbImage[] {
  const tiles: RgbImage[] = [];
  for (let top = 0; top < image.height; top += side) {
    for (let left = 0; left < image.width; left += side) {
      tiles.push(crop(image, left, top, { width: side, height: side }));
    }
  }
  return tiles;
}
