import { fileURLToPath } from "node:url";
import type { ImageInput, RgbImage } from "../../../sdk/index.ts";

export const families = [
  "qwen2_vl",
  "qwen2_5_vl",
  "qwen3_vl",
  "qwen3_vl_moe",
  "pixtral",
  "mistral3",
  "lighton_ocr",
  "glm4v",
  "glm_ocr",
  "llava",
  "lfm2_vl",
] as const;

/**
 * Those of which llama-server makes something else than transformers: it resizes LightOnOCR's images and writes other text around
 * them, has LLaVA's class token in another place, and a norm on GLM-OCR's patches (tools/mtmd/models/glm4v.cpp).
 */
export const otherOnServer: readonly string[] = ["lighton_ocr", "llava", "glm_ocr"];

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
