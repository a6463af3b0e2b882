import type { RgbImage } from "../../sdk/index.ts";

/** Images of one size in one picture, row by row; places that are left over are black. */
export function pictureGrid(images: readonly RgbImage[], columns: number): RgbImage {
  const { width, height } = images[0]!;
  const picture = {
    width: columns * width,
    height: Math.ceil(images.length / columns) * height,
  };
  const data = new Uint8Array(picture.width * picture.height * 3);
  for (const [i, image] of images.entries()) {
    const left = (i % columns) * width;
    const top = Math.floor(i / columns) * height;
    for (let y = 0; y < height; y++) {
      const row = image.data.subarray(y * width * 3, (y + 1) * width * 3);
      data.set(row, ((top + y) * picture.width + left) * 3);
    }
  }
  return { data, ...picture };
}
