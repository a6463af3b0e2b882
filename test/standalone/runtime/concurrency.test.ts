import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { abortable } from "../../../sdk/runtime/pool/abort.ts";
import { Gate } from "../../../sdk/runtime/pool/gate.ts";

describe("Gate", () => {
  it("lets no more than its limit in, in order, and goes on after a failure", async () => {
    const gate = new Gate(2);
    const started: number[] = [];
    let inside = 0;
    let most = 0;
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, (_, i) =>
        gate.run(async () => {
          started.push(i);
          most = Math.max(most, ++inside);
          await sleep(1);
          inside -= 1;
          if (i % 3 === 0) throw new Error("on purpose");
          return i;
        }),
      ),
    );
    expect(most).toBe(2);
    expect(started).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(results.filter((result) => result.status === "rejected")).toHaveLength(4);
  });
});

describe("abortable", () => {
  it("does not start the work of a signal that is aborted already", async () => {
    let started = false;
    const work = async () => {
      started = true;
    };
    const reason = new Error("enough");
    await expect(abortable(AbortSignal.abort(reason), work)).rejects.toBe(reason);
    expect(started).toBe(false);
  });

  it("rejects while the work still goes on, and tells the work", async () => {
    const controller = new AbortController();
    let inner: AbortSignal | undefined;
    const pending = abortable(controller.signal, (signal) => {
      inner = signal;
      return new Promise<never>(() => {});
    });
    controller.abort("enough");
    await expect(pending).rejects.toBe("enough");
    expect(inner?.reason).toBe("enough");
  });

  it("stops the rest of the work when a part fails", async () => {
    let inner: AbortSignal | undefined;
    const failure = new Error("on purpose");
    const pending = abortable(undefined, async (signal) => {
      inner = signal;
      throw failure;
    });
    await expect(pending).rejects.toBe(failure);
    expect(inner?.aborted).toBe(true);
  });
});
