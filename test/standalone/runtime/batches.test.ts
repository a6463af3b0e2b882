import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { inBatches } from "../../../sdk/runtime/pool/batches.ts";
import { Gate } from "../../../sdk/runtime/pool/gate.ts";

/** An image that stands for its index. */
const imageOf = (index: number) => ({ data: new Uint8Array(3).fill(index), width: 1, height: 1 });
const tick = (times: number) => new Promise<void>((resolve) => setTimeout(resolve, times));

describe("inBatches", () => {
  it("keeps the order, the batch size and the bound on what is in flight", () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 20 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 20, maxLength: 20 }),
        async (count, size, lanes, delays) => {
          let held = 0;
          const results = await inBatches({
            count,
            size,
            lanes,
            gate: new Gate(lanes),
            signal: new AbortController().signal,
            read: async (index) => {
              held += 1;
              expect(held).toBeLessThanOrEqual(size * lanes);
              await tick(delays[index]!);
              return imageOf(index);
            },
            run: async (images) => {
              expect(images.length).toBeGreaterThan(0);
              expect(images.length).toBeLessThanOrEqual(size);
              await tick(1);
              held -= images.length;
              return images.map((image) => image.data[0]!);
            },
          });
          expect(results).toEqual(Array.from({ length: count }, (_, i) => i));
        },
      ),
      { numRuns: 30 },
    ));

  it("reads nothing more after a failure or an abort", async () => {
    const controller = new AbortController();
    const reads: number[] = [];
    const promise = inBatches({
      count: 100,
      size: 2,
      lanes: 2,
      gate: new Gate(2),
      signal: controller.signal,
      read: async (index) => {
        reads.push(index);
        await tick(1);
        if (index === 5) controller.abort(new Error("enough"));
        return imageOf(index);
      },
      run: async (images) => images,
    });
    await expect(promise).rejects.toThrow("enough");
    await tick(20);
    expect(reads.length).toBeLessThan(10);
  });
});
