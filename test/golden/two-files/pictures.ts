import { fileURLToPath } from "node:url";
import type { ImageInput, RgbImage } from "../../../sdk/index.ts";

export const families = ["qwen2_vl", "qwen2_5_vl", "qwen3_vl", "pixtral", "mistral3"] as const;

const photo = fileURLToPath(new URL("../../../examples/images/cat.jpg", import.meta.url));

/** make_two_files.py's `native`. */
export function square(side: number): RgbImage {
  const data = new Uint8Array(side * side * 3);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) data.set([x * 3 + y, 255 - y, Math.floor((x * y) / 5)], (y * side + x) * 3);
  }
  return { data, width: side, height: side };
}

/** The images of each case of expected.json. */
export const imagesOf = (side: number): Readonly<Record<"native" | "photo" | "two", readonly ImageInput[]>> => ({
  native: [square(side)],
  photo: [photo],
  two: [photo, square(side)],
});
