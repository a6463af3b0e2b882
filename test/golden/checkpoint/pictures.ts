import type { RgbImage } from "../../../sdk/index.ts";

/** `pixels` of make_checkpoints.py. */
export const pictures = (side: number): RgbImage[] =>
  [0, 1].map((n) => {
    const data = Uint8Array.from({ length: side * side * 3 }, (_, i) => {
      const [y, x, c] = [Math.floor(i / (side * 3)), Math.floor(i / 3) % side, i % 3];
      return (x * 7 + y * 13 + c * 29 + n * 101) * 37;
    });
    return { data, width: side, height: side };
  });
