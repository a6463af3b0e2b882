import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { guide } from "../../../sdk/sampling/guide.ts";
import { weigh, weighSpace } from "../../../sdk/sampling/weigh.ts";
import { largestDifference, readExpected } from "../expected.ts";

/** LlamaGen's own steps, in PyTorch: make_sampler.py. */
const golden = readExpected(fileURLToPath(new URL("sampler.safetensors", import.meta.url)));
const cases = Object.keys(golden)
  .filter((name) => name.endsWith(".settings"))
  .map((name) => name.replace(".settings", ""));

describe.each(cases)("%s", (name) => {
  const read = (part: string) => golden[`${name}.${part}`]!.data as Float32Array;
  const [scale, temperature, topK, topP] = golden[`${name}.settings`]!.data as unknown as number[];

  it("guidance equals PyTorch's, to the bit", () => {
    const conditional = read("conditional").slice();
    const guided = scale === 1 ? conditional : guide(conditional, read("unconditional"), scale!);
    expect(guided).toEqual(read("guided"));
  });

  it("keeps the same ids, with the same probabilities", () => {
    const logits = read("guided");
    const space = weighSpace(logits.length);
    const settings = { temperature: temperature!, topK: topK!, topP: topP! };
    weigh(logits, Math.max(...logits), settings, space);
    const total = space.weights.at(-1)!;
    const probabilities = space.weights.map((weight, id) => (weight - (space.weights[id - 1] ?? 0)) / total);
    const kept = (values: ArrayLike<number>) => Array.from(values).flatMap((value, id) => (value > 0 ? [id] : []));
    // What float32 takes for zero: ids that are kept but that are not drawn in the age of the universe.
    const visible = probabilities.map((p) => (p > 1e-44 ? p : 0));
    expect(kept(visible)).toEqual(kept(read("probabilities")));
    expect(largestDifference(probabilities, read("probabilities"))).toBeLessThan(1e-6);
  });
});
