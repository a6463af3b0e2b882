import fc from "fast-check";
import { expect, test } from "vitest";
import { foldGroup, type GroupArrays, type LinearArrays } from "../../../sdk/weights/int8/fold.ts";

const inputs = 5;
const floats = (length: number) =>
  fc.float32Array({ minLength: length, maxLength: length, min: -4, max: 4, noNaN: true }).map((a) => a.map(tame));
/** No denormals: their products are cut off. */
const tame = (value: number) => (Math.abs(value) < 1e-3 ? 0 : value);
const optional = (length: number) => fc.option(floats(length), { nil: null });

const linear = fc.integer({ min: 1, max: 4 }).chain((outputs) =>
  fc.record({
    name: fc.constant("linear"),
    outputs: fc.constant(outputs),
    weight: floats(outputs * inputs),
    bias: optional(outputs),
    outScale: optional(outputs),
  }),
);
const group: fc.Arbitrary<GroupArrays> = fc.record({
  norm: fc.option(fc.record({ gamma: floats(inputs), beta: optional(inputs) }), { nil: null }),
  linears: fc.array(linear, { minLength: 1, maxLength: 3 }),
});

/** outScale * (weight x + bias) in double precision. */
function apply({ weight, outputs, bias, outScale }: LinearArrays, x: readonly number[]): number[] {
  return Array.from({ length: outputs }, (_, o) => {
    const sum = x.reduce((sum, value, i) => sum + weight[o * inputs + i]! * value, bias?.[o] ?? 0);
    return sum * (outScale?.[o] ?? 1);
  });
}

test("property: a folded group computes what the group did", () => {
  fc.assert(
    fc.property(group, floats(inputs), ({ norm, linears }, standardised) => {
      const folded = foldGroup({ norm, linears });
      const before = [...standardised].map((value, i) =>
        norm ? norm.gamma[i]! * value + (norm.beta?.[i] ?? 0) : value,
      );
      const after = [...standardised].map((value, i) => (folded.gamma ? folded.gamma[i]! * value : value));
      for (const [i, original] of linears.entries()) {
        const wanted = apply(original, before);
        const got = apply({ ...folded.linears[i]!, outScale: null }, after);
        for (const [o, value] of got.entries()) expect(Math.abs(value - wanted[o]!)).toBeLessThan(1e-3);
      }
    }),
    { numRuns: 300 },
  );
});

test("channels that the linears weigh little are made small", () => {
  const norm = { gamma: Float32Array.of(1, 1, -2), beta: null };
  const weight = Float32Array.of(0.1, 3, 0, 0.1, -4, 0);
  const { gamma, linears } = foldGroup({
    norm,
    linears: [{ name: "a", weight, outputs: 2, bias: null, outScale: null }],
  });
  expect([...gamma!].map((g) => Number(g.toFixed(5)))).toEqual([0.1, 3.53553, 0]);
  expect([...linears[0]!.weight].map((w) => Number(w.toFixed(5)))).toEqual([1, 0.84853, 0, 1, -1.13137, 0]);
  expect(linears[0]!.bias).toBeNull();
});

test("linears of one group share the norm", () => {
  const norm = { gamma: Float32Array.of(1), beta: Float32Array.of(2) };
  const one = (weight: number) => ({
    name: "a",
    weight: Float32Array.of(weight),
    outputs: 1,
    bias: null,
    outScale: Float32Array.of(10),
  });
  const { gamma, linears } = foldGroup({ norm, linears: [one(3), one(4)] });
  expect(gamma![0]).toBeCloseTo(Math.sqrt((900 + 1600) / 2), 4);
  expect(linears.map(({ weight }) => weight[0]! * gamma![0]!)).toEqual([expect.closeTo(30, 4), expect.closeTo(40, 4)]);
  expect(linears.map(({ bias }) => bias![0])).toEqual([60, 80]);
});
