import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkGrid, checkIds, decoderInput, isManyGrids } from "../../../sdk/contract/token-ids.ts";

const grid = { rows: 2, columns: 3 };
const codebook = { size: 64, dim: 4, codesPerToken: 1 };
const decoder = { modelId: "tiny", decodes: "ids", grid, codebook } as const;

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
    expect([...checkGrid([0, 1, 2, 3, 4, 5], grid, codebook, "the ids")]).toEqual([0, 1, 2, 3, 4, 5]);
    expect(() => checkGrid([0, 1], grid, codebook, "grids[3]")).toThrow(
      "Expected 6 ids (2 rows of 3) for grids[3] but received 2.",
    );
  });

  it("wants all codes of each token", () => {
    const two = { ...codebook, codesPerToken: 2 };
    expect([...checkGrid(new Int32Array(12), grid, two, "the ids")]).toEqual(Array(12).fill(0));
    expect(() => checkGrid(new Int32Array(6), grid, two, "the ids")).toThrow(
      "Expected 12 ids (2 rows of 3 tokens of 2) for the ids but received 6.",
    );
  });

  it("takes the grid from the decoder, or from the option where the decoder has none of its own", () => {
    const ids = new Int32Array(6);
    expect(decoderInput(decoder, ids, undefined)).toEqual({ many: false, images: [ids], grid });
    expect(decoderInput(decoder, [ids, ids], grid)).toEqual({ many: true, images: [ids, ids], grid });
    const other = { rows: 3, columns: 2 };
    expect(() => decoderInput(decoder, ids, other)).toThrow(
      'Expected 2 rows of 3 for option "grid" of decode but received 3 rows of 2.',
    );
    const free = { ...decoder, grid: null };
    expect(decoderInput(free, ids, other).grid).toEqual(other);
    expect(() => decoderInput(free, ids, undefined)).toThrow(
      'Expected the rows and columns of the tokens for option "grid" of decode but received nothing.',
    );
    expect(() => decoderInput({ ...decoder, decodes: null }, ids, undefined)).toThrow(
      "Expected a checkpoint with a decoder for decode but received tiny, which has none.",
    );
  });

  it.each([null, undefined, "12", 5, {}, new Float32Array(6), new Uint8Array(6)])("refuses %o", (ids) => {
    expect(() => checkGrid(ids as never, grid, codebook, "the ids")).toThrow(
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
