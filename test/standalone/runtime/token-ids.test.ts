import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkGrid, checkIds, isManyGrids } from "../../../sdk/contract/token-ids.ts";

const grid = { rows: 2, columns: 3 };

describe("token ids", () => {
  it("copies what is valid", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 63 })), (ids) => {
        const given = Int32Array.from(ids);
        const checked = checkIds(given, 64, "the ids");
        expect([...checked]).toEqual(ids);
        expect(checked.buffer).not.toBe(given.buffer);
        expect(checkIds(ids, 64, "the ids")).toEqual(checked);
      }),
    );
  });

  it("names the first bad id and its place", () => {
    const bad = fc.oneof(
      fc.integer({ max: -1 }),
      fc.integer({ min: 64 }),
      fc.constantFrom(0.5, Number.NaN, Number.POSITIVE_INFINITY, "1", null, undefined, 1n, [1]),
    );
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 63 })), bad, (before, value) => {
        const ids = [...before, value, -1] as number[];
        const message = `Expected an integer from 0 to 63 for id ${before.length} of the ids but received`;
        expect(() => checkIds(ids, 64, "the ids")).toThrow(message);
      }),
    );
  });

  it("takes a hole in an array for no id", () => {
    expect(() => checkIds(new Array(2), 64, "the ids")).toThrow("id 0 of the ids but received nothing");
  });

  it("wants one id for each cell of the grid", () => {
    expect([...checkGrid([0, 1, 2, 3, 4, 5], grid, 64, "the ids")]).toEqual([0, 1, 2, 3, 4, 5]);
    expect(() => checkGrid([0, 1], grid, 64, "grids[3]")).toThrow(
      "Expected 6 ids (2 rows of 3) for grids[3] but received 2.",
    );
  });

  it.each([null, undefined, "12", 5, {}, new Float32Array(6), new Uint8Array(6)])("refuses %o", (ids) => {
    expect(() => checkGrid(ids as never, grid, 64, "the ids")).toThrow(
      "Expected an Int32Array or an array of integers",
    );
  });

  it("tells one grid from many", () => {
    expect(isManyGrids([1, 2])).toBe(false);
    expect(isManyGrids([])).toBe(false);
    expect(isManyGrids(Int32Array.of(1))).toBe(false);
    expect(isManyGrids([[1], [2]])).toBe(true);
    expect(isManyGrids([Int32Array.of(1)])).toBe(true);
  });
});
