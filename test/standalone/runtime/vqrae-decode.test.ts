import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type TokenIds, VQRAE } from "../../../sdk/index.ts";
import { picture, tinyVqrae } from "./fixtures/tiny.ts";

let tokenizer: VQRAE;
let count: number;
let codes: number;

beforeAll(async () => {
  tokenizer = await VQRAE.load(tinyVqrae, { workers: 2, threads: 1, batchSize: 2 });
  count = tokenizer.info.maxTokens;
  codes = tokenizer.info.codebook!.size;
});
afterAll(() => tokenizer.dispose());

const grid = (seed: number) => Int32Array.from({ length: count }, (_, i) => (i * 31 + seed * 7) % codes);

describe("decode", () => {
  it("gives an image of outputSize", async () => {
    const { width, height } = tokenizer.info.outputSize!;
    const image = await tokenizer.decode(grid(0));
    expect(image).toMatchObject({ width, height });
    expect(image.data).toHaveLength(width * height * 3);
    expect(new Set(image.data).size).toBeGreaterThan(1);
  });

  it("takes what encode gave", async () => {
    const { ids } = await tokenizer.encode(picture(32, 32));
    expect(await tokenizer.decode([...ids!])).toEqual(await tokenizer.decode(ids!));
  });

  it("decodes many grids in order, each as if alone", async () => {
    const grids: TokenIds[] = Array.from({ length: 7 }, (_, i) => (i % 2 ? grid(i) : [...grid(i)]));
    const images = await tokenizer.decode(grids);
    expect(images).toHaveLength(7);
    for (const [i, ids] of grids.entries()) expect(images[i]).toEqual(await tokenizer.decode(ids));
  });

  it("leaves the caller's ids as they are", async () => {
    const ids = grid(1);
    await tokenizer.decode([ids, ids]);
    await tokenizer.codebookVectors(ids);
    expect(ids).toEqual(grid(1));
  });

  it.each<[string, () => unknown, string]>([
    ["a wrong count", () => grid(0).slice(1), "for the ids of one image but received"],
    ["no ids", () => [], "for the ids of one image but received 0."],
    ["an id that is no code", () => grid(0).fill(codes, 3, 4), `for id 3 of the ids of one image but received`],
    ["a negative id", () => grid(0).fill(-1, 2, 3), "for id 2 of the ids of one image but received -1."],
    ["a fraction", () => [...grid(0)].fill(0.5, 1, 2), "for id 1 of the ids of one image but received 0.5."],
    ["a bad grid among many", () => [grid(0), grid(1).slice(2)], "for grids[1] but received"],
    ["numbers among grids", () => [grid(0), 5], "for grids[1] but received 5."],
    ["text", () => "12", "for the ids of one image but received"],
    ["nothing", () => undefined, "for the ids of one image but received nothing."],
  ])("refuses %s", async (_, make, message) => {
    const promise = tokenizer.decode(make() as TokenIds);
    await expect(promise).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining(message),
    });
  });

  it("throws a signal's reason, before and during", async () => {
    const reason = new Error("enough");
    await expect(tokenizer.decode(grid(0), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const grids = Array.from({ length: 500 }, (_, i) => grid(i));
    const pending = expect(tokenizer.decode(grids, { signal: controller.signal })).rejects.toBe(reason);
    setTimeout(() => controller.abort(reason), 1);
    await pending;
    await expect(tokenizer.decode(grid(0), { ids: 1 } as never)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });
});

describe("codebookVectors", () => {
  it("gives a row for each id, equal for equal ids", async () => {
    const { dim } = tokenizer.info.codebook!;
    const vectors = await tokenizer.codebookVectors([3, 1, 3]);
    expect(vectors).toHaveLength(3 * dim);
    expect(vectors.slice(2 * dim)).toEqual(vectors.slice(0, dim));
    // One row takes another path through the matrix product than several, and sums in another order.
    const alone = await tokenizer.codebookVectors(Int32Array.of(1));
    alone.forEach((value, i) => {
      expect(value).toBeCloseTo(vectors[dim + i]!, 5);
    });
    expect(await tokenizer.codebookVectors([])).toHaveLength(0);
  });

  it.each([[[0, -1]], [[1e9]], [["1"]], [null]])("refuses %o", async (ids) => {
    await expect(tokenizer.codebookVectors(ids as never)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });
});
