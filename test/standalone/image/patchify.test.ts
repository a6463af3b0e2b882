import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RgbImage } from "../../../sdk/contract/image.ts";
import { normalisationTables, patchify } from "../../../sdk/image/patchify.ts";
import { readCases } from "../../golden/image/fixtures.ts";

type Triple = [number, number, number];
const mean: Triple = [0.485, 0.456, 0.406];
const std: Triple = [0.229, 0.224, 0.225];

/** The definition, one value at a time. */
function naive(images: readonly RgbImage[], p: number): number[] {
  const values: number[] = [];
  for (const { data, width, height } of images)
    for (let row = 0; row + p <= height; row += p)
      for (let column = 0; column + p <= width; column += p)
        for (let c = 0; c < 3; c++)
          for (let y = row; y < row + p; y++)
            for (let x = column; x < column + p; x++) {
              const byte = data[(y * width + x) * 3 + c]!;
              const centred = Math.fround(Math.fround(byte / 255) - Math.fround(mean[c]!));
              values.push(Math.fround(centred / Math.fround(std[c]!)));
            }
  return values;
}

describe("patchify", () => {
  it("equals the naive loop", () => {
    const side = fc.integer({ min: 1, max: 13 });
    fc.assert(
      fc.property(
        side,
        side,
        fc.integer({ min: 1, max: 13 }),
        fc.integer({ min: 1, max: 3 }),
        fc.infiniteStream(fc.nat(255)),
        (width, height, p, n, bytes) => {
          fc.pre(p <= Math.min(width, height));
          const images = Array.from({ length: n }, () => {
            return { data: Uint8Array.from(bytes.take(width * height * 3)), width, height };
          });
          expect(Array.from(patchify(images, p, mean, std))).toEqual(naive(images, p));
        },
      ),
    );
  });

  it("gives nothing for no images", () => {
    expect(patchify([], 16, mean, std)).toHaveLength(0);
  });

  it.each([
    [0, mean, std, /patchSize/],
    [1.5, mean, std, /patchSize/],
    [5, mean, std, /at least one patch of 5 x 5/],
    [2, [Number.NaN, 0, 0] as Triple, std, /mean/],
    [2, mean, [1, 0, 1] as Triple, /std/],
  ])("refuses patch size %d, mean %o, std %o", (patchSize, mean, std, message) => {
    const image = { data: new Uint8Array(48), width: 4, height: 4 };
    expect(() => patchify([image], patchSize, mean, std)).toThrow(message);
  });

  it("refuses images of different sizes", () => {
    const images = [
      { data: new Uint8Array(48), width: 4, height: 4 },
      { data: new Uint8Array(24), width: 2, height: 4 },
    ];
    expect(() => patchify(images, 2, mean, std)).toThrow(/4 x 4 pixels like image 0 for image 1 .* received 2 x 4/);
  });
});

describe("normalisation", () => {
  const cases = readCases<{ mean: Triple; std: Triple; table: string }[]>("normalisation.json");
  it.each(cases)("equals torch's float32 for mean $mean", ({ mean, std, table }) => {
    const tables = normalisationTables(mean, std);
    expect(Buffer.concat(tables.map((t) => new Uint8Array(t.buffer))).equals(Buffer.from(table, "base64"))).toBe(true);
  });
});
