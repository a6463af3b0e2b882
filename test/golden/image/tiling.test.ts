import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { RgbImage } from "../../../sdk/contract/image.ts";
import { anyresTiles, bestResolution } from "../../../sdk/image/tiling/anyres-tiles.ts";
import { dynamicGrid, dynamicTiles } from "../../../sdk/image/tiling/dynamic-tiles.ts";
import { naflexSize, smartResize } from "../../../sdk/image/tiling/native-size.ts";
import { padToSquare } from "../../../sdk/image/tiling/pad-to-square.ts";
import { cropGrid, panAndScan } from "../../../sdk/image/tiling/pan-and-scan.ts";
import { pattern, readCases } from "./fixtures.ts";

type Pair = [number, number];
interface Cases {
  readonly dynamic: { size: Pair; tile: number; min: number; max: number; grid: Pair }[];
  readonly anyres: { size: Pair; pinpoints: Pair[]; best: Pair }[];
  readonly naflex: { size: Pair; patch: number; max: number; result: Pair }[];
  readonly crops: { size: Pair; minCrop: number; max: number; minRatio: number; result: Pair[] }[];
  readonly smart: { size: Pair; factor: number; min: number; max: number; result: Pair }[];
  readonly drawn: {
    size: Pair;
    tile: number;
    pinpoints: Pair[];
    dynamic: string[];
    anyres: string[];
    square: string;
  }[];
}
const cases = readCases<Cases>("tiles.json");
const sides = ([width, height]: Pair) => ({ width, height });
const digest = ({ data }: RgbImage) => createHash("sha256").update(data).digest("hex");

describe("sizes are transformers'", () => {
  it.each(cases.dynamic)(
    "dynamic tiles of $size: $tile px, $min to $max",
    ({ size, grid: [columns, rows], ...options }) => {
      expect(dynamicGrid(sides(size), options)).toEqual({ columns, rows });
    },
  );
  it.each(cases.anyres)("anyres canvas of $size", ({ size, pinpoints, best: [height, width] }) => {
    expect(bestResolution(sides(size), pinpoints)).toEqual({ width, height });
  });
  it.each(cases.naflex)("NaFlex size of $size: patch $patch, at most $max", ({ size, patch, max, result }) => {
    expect(naflexSize(sides(size), patch, max)).toEqual(sides(result));
  });
  it.each(cases.crops)("crops of $size: at least $minCrop px, at most $max, from $minRatio on", (one) => {
    const grid = cropGrid(sides(one.size), one) ?? { columns: 0, rows: 0, width: 0, height: 0 };
    const [width, height] = one.size;
    const crops = Array.from({ length: grid.rows * grid.columns }, (_, i): Pair => {
      const [left, top] = grid.rows === 1 ? [i * grid.width, 0] : [0, i * grid.height];
      return [Math.min(grid.width, width - left), Math.min(grid.height, height - top)];
    });
    expect(crops).toEqual(one.result);
  });
  it.each(cases.smart)("smart_resize of $size: factor $factor, $min to $max", ({ size, factor, min, max, result }) => {
    expect(smartResize(sides(size), { factor, minPixels: min, maxPixels: max })).toEqual(sides(result));
  });
});

describe.each(cases.drawn)("pixels of $size are Pillow's", ({ size, tile, pinpoints, dynamic, anyres, square }) => {
  const image = pattern("mixed", ...size);
  it("dynamic tiles", () => {
    expect(dynamicTiles(image, { tile, max: 6 }).map(digest)).toEqual(dynamic);
  });
  it("anyres tiles", () => expect(anyresTiles(image, { tile, pinpoints }).map(digest)).toEqual(anyres));
  it("padded to a square", () => expect(digest(padToSquare(image, [122, 116, 104]))).toBe(square));
});

describe("bad arguments", () => {
  const image = pattern("mixed", 5, 4);
  it.each([
    [() => dynamicTiles(image, { tile: 0 }), /from 1 to .* for tile but received 0/],
    [() => dynamicTiles(image, { tile: 4, min: 3, max: 2 }), /from 1 to 2 for min but received 3/],
    [() => panAndScan(image, { tile: 4, minCrop: 0 }), /from 1 to .* for minCrop but received 0/],
    [() => panAndScan(image, { tile: 4, max: 0.5 }), /from 1 to .* for max but received 0\.5/],
    [() => panAndScan(pattern("mixed", 5, 1), { tile: 4, minCrop: 1 }), /4 crops have pixels .* received 5 x 1/],
    [() => anyresTiles(image, { tile: 4, pinpoints: [] }), /for pinpoints/],
    [() => anyresTiles(image, { tile: 4, pinpoints: [[8, 6]] }), /multiples of 4 for pinpoints/],
    [() => smartResize({ width: 2010, height: 10 }), /ratio up to 200 for smartResize but received 2010 x 10/],
    [() => naflexSize({ width: 10, height: 10.5 }, 16, 256), /for height but received 10\.5/],
    [() => padToSquare({ data: new Uint8Array(5), width: 2, height: 1 }, [0, 0, 0]), /6 bytes/],
  ])("%# is refused", (call, message) => expect(call).toThrow(message));
});
