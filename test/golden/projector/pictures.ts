import type { RgbImage } from "../../../sdk/index.ts";

/** `IMAGES` and `picture` of make_projectors.py. */
const sizes = [
  [40, 30],
  [17, 50],
  [11, 11],
  [90, 14],
] as const;

export const pictures: readonly RgbImage[] = sizes.map(([width, height], i) => {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, at) => {
    const [y, x, c] = [Math.floor(at / (width * 3)), Math.floor(at / 3) % width, at % 3];
    return (x * 7 + y * 13 + c * 29 + i * 101) * 37;
  });
  return { data, width, height };
});
