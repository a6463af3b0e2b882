import fc from "fast-check";
import { expect, test } from "vitest";
import { quantizeRows } from "../../../sdk/weights/int8/quantize-rows.ts";

const sizes = fc.record({ outputs: fc.integer({ min: 1, max: 130 }), inputs: fc.integer({ min: 1, max: 9 }) });
const weights = sizes.chain(({ outputs, inputs }) =>
  fc
    .float32Array({
      minLength: outputs * inputs,
      maxLength: outputs * inputs,
      noNaN: true,
      min: -(2 ** 100),
      max: 2 ** 100,
    })
    .map((weight) => ({ weight, outputs, inputs })),
);

test("property: every weight is within half a step, and each row's largest is 127 steps", () => {
  fc.assert(
    fc.property(weights, ({ weight, outputs, inputs }) => {
      const { columns, scales } = quantizeRows(weight, outputs);
      for (let o = 0; o < outputs; o++) {
        const row = weight.subarray(o * inputs, (o + 1) * inputs);
        const step = Math.max(...row.map(Math.abs)) / 127;
        const bytes = Array.from(row, (_, i) => columns[i * outputs + o]!);
        expect(Math.max(...bytes.map(Math.abs))).toBe(step === 0 ? 0 : 127);
        expect(scales[o]).toBe(Math.fround(step));
        for (const [i, byte] of bytes.entries()) {
          expect(Math.abs(byte * step - row[i]!)).toBeLessThanOrEqual(step / 2 + step * 1e-9);
        }
      }
    }),
    { numRuns: 200 },
  );
});

test("a row of zeros stays one", () => {
  const { columns, scales } = quantizeRows(Float32Array.of(0, 0, 1, -2), 2);
  expect([...columns]).toEqual([0, 64, 0, -127]);
  expect([...scales]).toEqual([0, Math.fround(2 / 127)]);
});
