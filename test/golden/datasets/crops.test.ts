import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { cropper } from "../../../adapters/datasets/crops.ts";
import type { RgbImage } from "../../../sdk/index.ts";
import cases from "./crops.json" with { type: "json" };

/** The picture of make_crops.py. */
function picture(width: number, height: number): RgbImage {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const [c, x, y] = [i % 3, Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
    return (x * 7 + y * 13 + c * 50 + x * y) % 256;
  });
  return { data, width, height };
}

it.each(cases)(
  "LlamaGen's views of $width x $height at $size, byte for byte",
  ({ width, height, size, cropRange, ...views }) => {
    const info = { modelId: "any", inputSize: { width: size, height: size } };
    for (const crops of ["flip", "ten"] as const) {
      const made = cropper(info, crops, cropRange)(picture(width, height));
      expect(made.map(({ data }) => createHash("sha256").update(data).digest("hex"))).toEqual(views[crops]);
    }
  },
);

it("refuses crops where the encoder sees no square of one size", () => {
  expect(() => cropper({ modelId: "any", inputSize: null }, "ten", 1.1)).toThrow(/sees squares/);
});
