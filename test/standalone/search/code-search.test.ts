import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { buildCodeTables, project, round } from "../../../sdk/search/build-code-tables.ts";
import { CodeSearch } from "../../../sdk/search/code-search.ts";
import { type CodeTables, ownTables, shareTables } from "../../../sdk/search/code-tables.ts";
import { distinctRows } from "../../../sdk/search/distinct-rows.ts";
import type { GraphRunner } from "../../../sdk/search/graph-runner.ts";
import { takesSharedMemory } from "../../../sdk/search/shared-memory.ts";
import { nearestSigns } from "../../../sdk/search/sign-codes.ts";
import { type KindName, kindNames, problem } from "./codebooks.ts";
import { largestProductReference, nearestReference } from "./reference.ts";
import { bound, searchGraphs } from "./runner.ts";

/** Above the least size that has projected codes (e >= 128), and more than one shortlist (K > 16). */
const dim = 128;
const size = 300;
const count = 60;

const graphs = await searchGraphs(size);
/** Whether this processor has int8 tables at all: where sums of byte products saturate there are none. */
const hasInt8 = await graphs.multipliesBytesExactly();

type FilterKind = "float32" | "int8" | "projected";
const filters: readonly FilterKind[] = hasInt8 ? ["float32", "int8", "projected"] : ["float32", "projected"];
/** Tables with the filter asked for, whatever the codebook's size would choose. */
async function tablesWith(kind: FilterKind, codes: Float32Array, width = dim): Promise<CodeTables | null> {
  const tables = await buildCodeTables(graphs, codes, codes.length / width, width);
  if (kind === "float32") return { ...tables, filter: null };
  const filter = await (kind === "int8" ? round : project)(graphs, codes, width);
  return filter && { ...tables, filter };
}
const search = async (kind: FilterKind, codes: Float32Array) => {
  const tables = await tablesWith(kind, codes);
  return tables && new CodeSearch(graphs, tables);
};

describe.each(kindNames)("codes %s", (kind) => {
  test.each<FilterKind>(["float32", "int8", "projected"])("are found exactly through %s", async (filter) => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        const { codes, vectors } = problem(kind, seed, size, dim, count);
        const way = await search(filter, codes);
        if (way === null) return; // int8 that saturates, or no few directions
        expect(await way.nearest(vectors)).toEqual(nearestReference(vectors, codes, dim));
      }),
      { numRuns: 4 },
    );
  });
});

describe.each(kindNames)("the largest dot product with codes %s", (kind) => {
  test.each<FilterKind>(["float32", "int8", "projected"])("is found exactly through %s", async (filter) => {
    const width = filter === "projected" ? dim : 24;
    for (const seed of [1, 2, 3]) {
      const { codes, vectors } = problem(kind, seed, size, width, 24);
      const tables = await buildCodeTables(graphs, codes, size, width, "product");
      const through = filter === "int8" ? round : project;
      const own = filter === "float32" ? null : await through(graphs, codes, width, "product");
      const ids = await new CodeSearch(graphs, { ...tables, filter: own }).nearest(vectors);
      expect(ids).toEqual(largestProductReference(vectors, codes, width));
    }
  });
});

test("signs are bits, the first number the most significant one or the least", () => {
  const vectors = Float32Array.of(1, -1, 0.5, 0, -2, 3);
  expect(nearestSigns(vectors, { metric: "signs", dim: 3, firstBit: "most" })).toEqual(Int32Array.of(5, 1));
  expect(nearestSigns(vectors, { metric: "signs", dim: 3, firstBit: "least" })).toEqual(Int32Array.of(5, 4));
});

test("any sizes are searched exactly, one code and one dimension too", async () => {
  const sizes = fc.record({
    seed: fc.nat(),
    size: fc.integer({ min: 1, max: 40 }),
    dim: fc.integer({ min: 1, max: 70 }),
  });
  await fc.assert(
    fc.asyncProperty(sizes, fc.constantFrom(...kindNames), async ({ seed, size, dim }, kind) => {
      const { codes, vectors } = problem(kind, seed, size, dim, 9);
      const graphs = await searchGraphs(size);
      const tables = await buildCodeTables(graphs, codes, size, dim);
      const expected = nearestReference(vectors, codes, dim);
      const filters = [null, await round(graphs, codes, dim)];
      for (const filter of filters) {
        expect(await new CodeSearch(graphs, { ...tables, filter }).nearest(vectors)).toEqual(expected);
      }
    }),
    { numRuns: 25 },
  );
});

describe("who decides", () => {
  const decided = async (filter: FilterKind, kind: KindName) => {
    const { codes, vectors } = problem(kind, 5, size, dim, count);
    const way = (await search(filter, codes))!;
    await way.nearest(vectors);
    return way.counts;
  };

  test("projected codes decide where codes lie along few directions", async () => {
    const counts = await decided("projected", "few directions");
    expect(counts.filtered).toBeGreaterThan(count * 0.8);
  });

  test.skipIf(!hasInt8)(
    "int8 decides for vectors near codes, and float32 where codes are too close together for it",
    async () => {
      // Zero vectors and those half-way between two codes are undecided as well.
      expect((await decided("int8", "gaussian")).filtered).toBeGreaterThanOrEqual(count * 0.8);
      const clustered = await decided("int8", "clustered");
      expect(clustered.filtered).toBeLessThan(count / 2);
      expect(clustered.float32).toBeGreaterThan(count / 2);
    },
  );

  test("all codes are compared where float32 cannot tell them apart", async () => {
    for (const kind of ["nearly equal", "duplicated", "huge", "zero"] as const) {
      expect((await decided("float32", kind)).exhaustive, kind).toBeGreaterThan(0);
    }
  });

  test.skipIf(!hasInt8)("a filter that decides too little is not asked for long", async () => {
    const { codes, vectors } = problem("clustered", 1, size, dim, 600);
    const asked: string[] = [];
    const spy: GraphRunner = {
      ...bound(graphs),
      run: (graph, ...rest) => {
        asked.push(graph);
        return graphs.run(graph, ...rest);
      },
    };
    const way = new CodeSearch(spy, (await tablesWith("int8", codes))!);
    const first = await way.nearest(vectors);
    expect(asked).toContain("int8_search");
    asked.length = 0;
    expect(await way.nearest(vectors)).toEqual(first);
    expect(asked).not.toContain("int8_search");
  });
});

test("distinctRows gives the first of equal rows", () => {
  const rows = fc.array(fc.array(fc.constantFrom(0, 1, 0.5), { minLength: 3, maxLength: 3 }), { maxLength: 60 });
  fc.assert(
    fc.property(rows, (rows) => {
      const keys = rows.map(String);
      const expected = [...keys.keys()].filter((i) => keys.indexOf(keys[i]!) === i);
      expect([...distinctRows(Float32Array.from(rows.flat()), 3)]).toEqual(expected);
    }),
  );
});

test.skipIf(!hasInt8)("int8's own choice is often wrong on close codes, and never the id", async () => {
  const { codes, vectors } = problem("clustered", 3, size, dim, count);
  const way = (await search("int8", codes))!;
  let first: Int32Array | undefined;
  const run = graphs.run.bind(graphs);
  const spy: GraphRunner = {
    ...bound(graphs),
    run: async (graph, ...rest) => {
      const outputs = await run(graph, ...rest);
      if (graph === "int8_search") first = outputs.ids!.data as Int32Array;
      return outputs;
    },
  };
  const ids = await new CodeSearch(spy, (await tablesWith("int8", codes))!).nearest(vectors);
  expect(ids).toEqual(nearestReference(vectors, codes, dim));
  const wrong = [...ids].filter((id, t) => first![t * 16] !== id).length;
  expect(wrong).toBeGreaterThan(count / 10);
  expect(await way.nearest(vectors)).toEqual(ids);
});

test("ids do not depend on how many vectors are searched at once", async () => {
  const { codes, vectors } = problem("few directions", 2, size, dim, 600);
  for (const filter of filters) {
    const all = await (await search(filter, codes))!.nearest(vectors);
    for (const step of [1, 255, 256, 257]) {
      const way = (await search(filter, codes))!;
      const upTo = step === 1 ? 40 : 600;
      for (let t = 0; t < upTo; t += step) {
        const end = Math.min(t + step, upTo);
        const part = await way.nearest(vectors.subarray(t * dim, end * dim));
        expect(part, `${filter}, ${step} at a time`).toEqual(all.subarray(t, end));
      }
    }
  }
});

describe("the tables", () => {
  test("are shared with other threads, and copied where onnxruntime cannot read shared memory", async () => {
    const { codes, vectors } = problem("few directions", 1, size, dim, count);
    const arraysOf = ({ filter, ...tables }: CodeTables) =>
      [...Object.values(tables), ...Object.values(filter!)].filter((value) => ArrayBuffer.isView(value));
    for (const kind of filters.filter((filter) => filter !== "float32")) {
      const tables = (await tablesWith(kind, codes))!;
      const shared = shareTables(tables);
      expect(shared).toEqual(tables);
      expect(arraysOf(shared).length).toBeGreaterThan(5);
      for (const array of arraysOf(shared)) expect(array.buffer).toBeInstanceOf(SharedArrayBuffer);
      const own = ownTables(shared);
      expect(own).toEqual(tables);
      for (const array of arraysOf(own)) expect(array.buffer).toBeInstanceOf(ArrayBuffer);
      const usable = (await takesSharedMemory(graphs)) ? shared : own;
      expect(await new CodeSearch(graphs, usable).nearest(vectors)).toEqual(nearestReference(vectors, codes, dim));
    }
  });

  test("of a large codebook have the filter that suits it, of a small one none", async () => {
    const large = 4200; // times 128 is above 2 ** 19
    const kindOf = async (kind: KindName, size: number) => {
      const { codes } = problem(kind, 1, size, dim, 1);
      return (await buildCodeTables(graphs, codes, size, dim)).filter?.kind;
    };
    expect(await kindOf("few directions", large)).toBe("projected");
    expect(await kindOf("gaussian", large)).toBe(hasInt8 ? "int8" : undefined);
    expect(await kindOf("gaussian", 4000)).toBeUndefined();
  });

  test("have no int8 codes where integer products saturate", async () => {
    const { codes } = problem("gaussian", 1, size, dim, 1);
    const saturating: GraphRunner = { ...bound(graphs), multipliesBytesExactly: async () => false };
    expect(await round(saturating, codes, dim)).toBeNull();
    expect((await round(graphs, codes, dim)) !== null).toBe(hasInt8);
  });
});
